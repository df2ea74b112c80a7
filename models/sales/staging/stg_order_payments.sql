with source as (

    select * from {{ source('olist', 'order_payments') }}

)

select
    order_id,
    payment_sequential,
    lower(trim(payment_type)) as payment_type,
    payment_installments,
    {{ money('payment_value') }} as payment_value
from source
