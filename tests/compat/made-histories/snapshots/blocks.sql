{% snapshot by_time %}
{{ config(unique_key="id", strategy="timestamp", updated_at="changed_at") }}
select * from {{ ref("people") }}
{% endsnapshot %}

{% snapshot by_time_invalidated %}
{{ config(unique_key="id", strategy="timestamp", updated_at="changed_at", invalidate_hard_deletes=True, target_schema="older") }}
select * from {{ ref("people") }}
{% endsnapshot %}

{% snapshot by_columns %}
{{ config(unique_key="id", strategy="check", check_cols=["name", "grade"], alias="by_some_columns") }}
select id, region, name, grade from {{ ref("people") }}
{% endsnapshot %}

{% snapshot by_all %}
{{ config(unique_key="id || '-' || region", strategy="check", check_cols="all",
   pre_hook="create table if not exists {{ target.schema }}_log_of_snapshots as select 1 as one",
   post_hook=["update {{ this }} set name = name", {"sql": "select 1", "transaction": false}]) }}
select * from {{ ref("people_view") }}
{% endsnapshot %}
