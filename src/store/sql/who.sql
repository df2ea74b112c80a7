select
    current_user::text as name,
    has_database_privilege(current_database(), 'create') as may_create
