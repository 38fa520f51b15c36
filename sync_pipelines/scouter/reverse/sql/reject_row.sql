-- A row that the table itself rejects, by a constraint or a trigger.
update incoming set outcome = 'rejected', reason = %(reason)s where id = %(id)s
