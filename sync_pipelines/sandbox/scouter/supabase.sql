-- What both projects have of Supabase: users, and rights as it gives them by default.

create schema auth;

create table auth.users (
    id uuid primary key,
    email text
);

-- The same people in both projects, so that a responsible user means the same here and there.
insert into auth.users (id, email)
select md5('pessoa-' || n)::uuid, 'pessoa' || n || '@example.com' from generate_series(0, 11) as n;

grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
