update public.leads as lead set {changes}
from staged where staged.lead_id = lead.id and staged.inbox_id = any(%(ids)s)
