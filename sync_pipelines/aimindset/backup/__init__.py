"""The project's own daily backup: `backup_all_data()`, called as it is, and proved.

`pipeline` checks (`validate`), calls and commits (`load`), compares (`prove`, `side_effects`) and logs (`report`).
`answer` reads what the function returned, `coverage` names what it copies, `guards` stops an implausible loss,
`recorded` compares backups of earlier days with their rows.
"""
