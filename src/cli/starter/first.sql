-- A model is a select. This one is made as a table, whatever dbt_project.yml says.

{{ config(materialized='table') }}

with source_data as (

    select 1 as id
    union all
    select null as id

)

select *
from source_data

-- Uncomment the line below, and the test of `id` passes.
-- where id is not null
