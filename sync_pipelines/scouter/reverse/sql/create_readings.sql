-- What Gestão Scouter's side says: the changes that wait (by their number in the inbox), and the rows that stand there
-- (by the lead's number, negative).
create temporary table readings (
    id bigint primary key, lead_id bigint not null, payload jsonb not null, received_at timestamptz, lead jsonb
) on commit drop
