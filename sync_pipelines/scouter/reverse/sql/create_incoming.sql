-- A batch of changes as the inbox holds them, and what is decided of each.
create temporary table incoming (
    id bigint primary key, lead_id bigint not null, source text, payload jsonb not null, received_at timestamptz,
    known_hash uuid, known_direction text, applied_version text, applied_at timestamptz,
    lead jsonb, version timestamptz, outcome text, reason text, differing integer
) on commit drop
