with source as (

    select * from {{ source('olist', 'customers') }}

)

select
    customer_id,
    customer_unique_id,
    {{ zip_code_prefix('customer_zip_code_prefix') }} as zip_code_prefix,
    {{ normalize_city('customer_city') }} as city,
    upper(trim(customer_state)) as state
from source
