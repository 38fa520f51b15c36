select id from incoming where outcome in ('created', 'updated') order by id
