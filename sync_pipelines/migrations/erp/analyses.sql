-- Which analyses of the application were made of what, and what each left (contract of the ERPs, section 3).

create table if not exists sync_private.analyses (
    user_id uuid not null,
    analysis text not null,
    -- The company, or the row of company_dre; empty where the analysis is of all that a user has.
    subject text not null default '',
    company_id uuid,
    -- Of the last call that was proved: the digest of what the function read, and what it left.
    inputs text,
    made_at timestamptz,
    found jsonb,
    error text,
    -- Calls since then whose end nobody knows, and what of theirs is to be put back.
    attempts integer not null default 0,
    began_at timestamptz,
    kept jsonb,
    primary key (user_id, analysis, subject)
);
