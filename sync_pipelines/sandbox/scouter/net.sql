-- pg_net as far as it is called: a request is queued in the transaction that asks for it, and sent after its commit.

create schema net;
grant usage on schema net to anon, authenticated, service_role;

create unlogged table net.http_request_queue (
    id bigserial primary key,
    method text not null,
    url text not null,
    headers jsonb not null,
    body bytea,
    timeout_milliseconds integer not null
);

create unlogged table net._http_response (
    id bigint,
    status_code integer,
    content_type text,
    headers jsonb,
    content text,
    timed_out boolean,
    error_msg text,
    created timestamptz not null default now()
);

create function net.http_post(
    url text,
    body jsonb default '{}',
    params jsonb default '{}',
    headers jsonb default '{"Content-Type": "application/json"}',
    timeout_milliseconds integer default 5000
) returns bigint language plpgsql security definer set search_path = net as $$
declare
    number bigint;
begin
    if params <> '{}' then
        raise exception 'The sandbox sends no parameters: they belong in the url.';
    end if;
    insert into http_request_queue as q (method, url, headers, body, timeout_milliseconds)
    values ('POST', http_post.url, http_post.headers, convert_to(http_post.body::text, 'utf8'),
        http_post.timeout_milliseconds)
    returning q.id into number;
    return number;
end
$$;
