create table if not exists public.readings (
    day date not null,
    id bigint not null,
    celsius numeric not null,
    primary key (day, id)
);
