{#- How valuable a customer is: the segment of the lookup, and RFM (recency, frequency, monetary). -#}

{% macro customer_segment(sale_count, lifetime_value) -%}
  case
    when {{ lifetime_value }} >= {{ var('vip_lifetime_value') }} then 'vip'
    when {{ sale_count }} >= {{ var('loyal_order_count') }} then 'loyal'
    when {{ sale_count }} > 1 then 'repeat'
    when {{ sale_count }} = 1 then 'one_time'
    else 'no_sale'
  end
{%- endmacro %}


{# Quintiles: 5 is the best fifth. The tie breaker makes the same data give the same score on every run. #}
{% macro rfm_quintile(value, tie_breaker) -%}
  cast(ntile(5) over (order by {{ value }}, {{ tie_breaker }}) as integer)
{%- endmacro %}


{# Nine customers out of ten buy once, so fifths of the frequency would be drawn by lot: fixed steps instead. #}
{% macro rfm_frequency_score(order_count) -%}
  cast(least(greatest({{ order_count }}, 1), 5) as integer)
{%- endmacro %}


{% macro rfm_segment(recency_score, frequency_score, monetary_score) -%}
  case
    when {{ frequency_score }} >= 2 and {{ recency_score }} >= 4 then 'champion'
    when {{ frequency_score }} >= 2 then 'loyal'
    when {{ recency_score }} >= 4 and {{ monetary_score }} >= 4 then 'promising'
    when {{ recency_score }} >= 4 then 'new'
    when {{ monetary_score }} >= 4 then 'at_risk'
    when {{ recency_score }} >= 2 then 'cooling'
    else 'lost'
  end
{%- endmacro %}
