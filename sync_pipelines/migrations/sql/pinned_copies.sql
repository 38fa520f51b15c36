-- Since when a person wants a copy to stay, whatever the policy lets go of; null for the others.
alter table ops.copies add column if not exists pinned_at timestamptz;
