-- Review ids that several orders share. Known dirt: the grain of fact_reviews is review and order, so nothing is
-- counted twice. The full data set has 789 of them.
{{ config(severity='error', warn_if='>0', error_if='>1000', store_failures=true) }}

select
    review_id,
    count(*) as occurrences,
    count(distinct review_score) as different_scores
from {{ ref('fact_reviews') }}
group by review_id
having count(*) > 1
