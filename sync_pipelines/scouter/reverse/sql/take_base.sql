-- Leads that are as the last push left them: what it sent is the base of their fields.
select lead.id, {hashes} from unnest(%(ids)s::bigint[], %(contents)s::uuid[]) as known (id, content_hash)
join public.leads as lead on lead.id = known.id
where {content_hash} = known.content_hash
