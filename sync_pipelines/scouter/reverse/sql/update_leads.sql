update public.leads as lead set {changes}
from decided where decided.lead_id = lead.id and lead.id = any(%(ids)s::bigint[])
