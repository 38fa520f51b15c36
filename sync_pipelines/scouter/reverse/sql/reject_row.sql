-- A row that the table itself refused, by a constraint or a trigger.
update incoming set outcome = 'rejected', reason = %(reason)s where id = %(id)s
