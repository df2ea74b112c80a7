-- ref() reads another model, and lets it be made first.

select *
from {{ ref('my_first_dbt_model') }}
where id = 1
