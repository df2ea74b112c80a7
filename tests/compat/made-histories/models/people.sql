{{ config(materialized="table") }}
{% set rows = {
  1: [(1, "ann", "x", "2024-01-01"), (2, "bob", "x", "2024-01-01"), (3, "cid", "null", "2024-01-01"), (4, "dan", "y", "2024-01-02")],
  2: [(1, "ann", "x", "2024-01-01"), (2, "bobby", "x", "2024-02-01"), (3, "cid", "z", "2024-02-01"), (5, "eve", "y", "2024-02-02")],
  3: [(1, "ann", "null", "2024-03-01"), (3, "cid", "z", "2024-02-01"), (4, "dan", "y", "2024-03-02"), (5, "eve", "y", "2024-02-02")],
}[var("round") | int] %}
{% for id, name, grade, at in rows %}
select {{ id }} as id, 'a' as region, cast('{{ name }}' as varchar(20)) as name,
  {% if grade == "null" %}cast(null as varchar(5)){% else %}cast('{{ grade }}' as varchar(5)){% endif %} as grade,
  cast('{{ at }}' as timestamp) as changed_at{% if var("round") | int > 1 %}, {{ id * 10 }} as points, cast('{{ at }}' as date) as on_day{% endif %}
{% if not loop.last %}union all{% endif %}
{% endfor %}
