{#- What an order is worth, and what became of it. The words are defined in models/_docs.md. -#}

{% macro order_value(price, freight_value) -%}
  {{ money('coalesce(' ~ price ~ ', 0) + coalesce(' ~ freight_value ~ ', 0)') }}
{%- endmacro %}


{# An order that was given up, by the customer or for lack of stock, is not a sale. #}
{% macro is_sale(order_status) -%}
  ({{ order_status }} not in ('canceled', 'unavailable'))
{%- endmacro %}


{# Delivered is what has a delivery date, whatever its status says: a few canceled orders reached the customer. #}
{% macro is_delivered(delivered_at) -%}
  ({{ delivered_at }} is not null)
{%- endmacro %}


{# By timestamp: the estimate is midnight at the start of its day, so a delivery on that day is late. #}
{% macro is_late(delivered_at, estimated_delivery_at) -%}
  ({{ delivered_at }} > {{ estimated_delivery_at }})
{%- endmacro %}


{# Started days, so that whatever is late is late by one day at least, and whatever is not by none. #}
{% macro days_late(delivered_at, estimated_delivery_at) -%}
  cast(greatest(0, ceil({{ seconds_between(estimated_delivery_at, delivered_at) }} / 86400.0)) as integer)
{%- endmacro %}


{% macro delivery_status(order_status, delivered_at, estimated_delivery_at) -%}
  case
    when {{ is_delivered(delivered_at) }} and {{ is_late(delivered_at, estimated_delivery_at) }} then 'late'
    when {{ is_delivered(delivered_at) }} then 'on_time'
    when not {{ is_sale(order_status) }} then 'given_up'
    when {{ order_status }} = 'delivered' then 'unknown'
    when {{ order_status }} = 'shipped' then 'in_transit'
    else 'in_preparation'
  end
{%- endmacro %}


{% macro review_sentiment(review_score) -%}
  case
    when {{ review_score }} >= 4 then 'positive'
    when {{ review_score }} = 3 then 'neutral'
    else 'negative'
  end
{%- endmacro %}
