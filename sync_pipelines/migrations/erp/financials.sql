-- The titles of each ERP, and which lines of company_dre follow from them (contract of the ERPs, sections 2.7 and 10).
select 1;
