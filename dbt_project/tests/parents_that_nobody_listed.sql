-- Members that other sources refer to and that no file of their own source lists. They stand as
-- stubs, so that the rows that refer to them load; somebody should ask for the missing rows.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'dim_region'}}}) }}

{%- set parents = {
    'dim_city': 'city_id',
    'dim_region': 'region_id',
    'dim_segment': 'segment_id',
    'dim_category': 'category_id',
    'dim_team': 'team_id',
    'dim_reason_category': 'reason_category_id',
} %}
{%- for dimension, key in parents.items() %}
{{ "union all" if not loop.first }}
select
    '{{ dimension }}' as dimension,
    {{ key }} as member_key
from {{ ref(dimension) }}
where stub_reason = 'referenced'
{%- endfor %}
