-- Which analyses of the application were made of what, and what each left (contract of the ERPs, section 3).
select 1;
