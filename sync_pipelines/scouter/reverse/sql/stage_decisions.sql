-- For each lead that is written, the reading that each column is taken from; null leaves the column as it is.
create temporary table decided on commit drop as
select lead_id, takes::bigint[] from unnest(%(ids)s::bigint[], %(takes)s::text[]) as made (lead_id, takes)
