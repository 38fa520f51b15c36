-- What the contract's traps need and Gestão Scouter's table has not: each type, each kind of key, each kind of right.
create type public.estado as enum ('novo', 'feito');

create table public.things (
    id integer primary key,
    name text not null,
    note text default 'nada',
    kind varchar(5),
    amount numeric(6, 2),
    big bigint,
    small smallint,
    ratio double precision,
    done boolean,
    day date,
    at timestamptz default now(),
    code uuid,
    raw jsonb,
    tags text[],
    state public.estado,
    unique (code)
);
comment on table public.things is 'Coisas';
comment on column public.things.name is 'O nome';

create table public.parts (
    id bigserial primary key,
    thing_id integer references public.things (id),
    size integer check (size < 100)
);

create table public.keyless (word text);

create table public.hidden (id integer primary key, secret text);
revoke all on public.hidden from anon, authenticated;

create table public.guarded (id integer primary key, owner text);
alter table public.guarded enable row level security;
create policy own on public.guarded for all to authenticated
    using (owner = current_setting('request.jwt.claims', true)::json ->> 'sub')
    with check (owner = current_setting('request.jwt.claims', true)::json ->> 'sub');

create table public.partial (id integer primary key, seen text, unseen text);
revoke all on public.partial from authenticated;
grant select (id, seen), insert (id, seen) on public.partial to authenticated;

create view public.named as select id, name from public.things;

create table public.touched (times integer);
insert into public.touched values (0);
create function public.touch() returns trigger language plpgsql security definer as $$
begin
    update public.touched set times = times + 1;
    return null;
end
$$;
create trigger touch after insert on public.things for each row execute function public.touch();

create function public.add(a integer, b integer default 10) returns integer language sql immutable
as 'select a + b';
create function public.nothing() returns void language sql as '';
create function public.many() returns setof public.things language sql stable as 'select * from public.things order by id';
create function public.numbers() returns setof integer language sql stable as 'select generate_series(1, 3)';
create function public.one() returns public.parts language sql stable as 'select 7::bigint, null::integer, 3';
create function public.fails(code text) returns void language plpgsql as $$
begin
    raise exception 'não' using errcode = code, detail = 'porque', hint = 'talvez';
end
$$;
create function public.pair() returns table (s integer, one integer) language sql stable
as 'select 1, 2 union all select 3, 4';
create function public.from_id(id integer) returns setof public.things language sql stable
as 'select * from public.things where things.id >= from_id.id order by things.id';
create function public.made(size integer) returns setof public.parts language sql
as 'insert into public.parts (size) values (made.size), (made.size + 1) returning *';
create function public.thousands() returns setof integer language sql stable as 'select generate_series(1, 1500)';
create function public.echo(doc jsonb) returns jsonb language sql stable as 'select doc';
create function public.whoami() returns text language sql stable as 'select current_user::text';
create function public.writes() returns integer language plpgsql stable as $$
begin
    insert into public.keyless values ('x');
    return 1;
end
$$;
create function public.secret_word() returns text language sql stable as $$ select 'x' $$;
revoke execute on function public.secret_word() from public, anon, authenticated;

-- Names that a query string, and the libraries between it and the database, may stumble over.
create table public.odd (
    "a%b" integer primary key,
    "c,d" text,
    "e""f" text,
    "g.h" text,
    "Com Espaço (ã)" text default '100%'
);

-- Columns with the names that a server may give to the parts of its own statements.
create table public.letters (
    id integer primary key, s text, one text, source text, called text, body text, given text, b text, pgrst_call text
);
insert into public.letters values (1, 'S', 'O', 'R', 'C', 'D', 'G', 'B', 'P');
insert into public.letters (id) values (2);
create function public.letters_of(s text default 'x') returns setof public.letters language sql stable
as 'select * from public.letters order by id';
