-- The RFM mart has exactly the customers of the dimension, and the cohorts have them all, too.
with counts as (

    select
        (select count(*) from {{ ref('dim_customer') }}) as customers,
        (select count(*) from {{ ref('mart_customer_rfm') }}) as scored,
        (select sum(cohort_size) from {{ ref('mart_cohort_retention') }} where months_since_first = 0) as in_cohorts

)

select *
from counts
where customers <> scored or customers <> in_cohorts
