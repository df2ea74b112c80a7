-- Categories that go by their Portuguese name in the English columns. The full data set has 2.
{{ config(severity='error', warn_if='>0', error_if='>10') }}

select category_name, product_count
from {{ ref('dim_category') }}
where not is_translated
