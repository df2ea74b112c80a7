{#- How checks and sellers are scored. -#}

{# Of 100: a pass counts whole, a warning half, a failure or an error nothing. #}
{% macro quality_score(passed, warned, checked) -%}
  cast(100.0 * ({{ passed }} + 0.5 * {{ warned }}) / nullif({{ checked }}, 0) as decimal(5, 2))
{%- endmacro %}


{% macro seller_tier(order_count, average_review_score, late_shipment_rate_pct) -%}
  case
    when {{ order_count }} < {{ var('alert_min_items') }} then 'unrated'
    when {{ average_review_score }} >= 4 and coalesce({{ late_shipment_rate_pct }}, 0) <= {{ var('alert_late_shipment_pct') }} / 2.0 then 'gold'
    when {{ average_review_score }} > {{ var('alert_low_review_score') }} and coalesce({{ late_shipment_rate_pct }}, 0) < {{ var('alert_late_shipment_pct') }} then 'silver'
    else 'watch'
  end
{%- endmacro %}
