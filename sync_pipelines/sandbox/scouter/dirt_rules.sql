-- Rules of the destination that the source does not have. All that is generated keeps them.

alter table public.leads
    add constraint leads_idade_plausivel check (age between 0 and 120),
    add constraint leads_responsible_user_id_fkey foreign key (responsible_user_id) references auth.users (id),
    alter column horario_agendamento type varchar(20),
    alter column valor_ficha type numeric(6, 2);

create unique index leads_maxsystem_id_ficha on public.leads (maxsystem_id_ficha);
