-- grain: one row per city
{%- set references = [('regions', 'city_id')] %}
{{
    config(
        unique_key='city_id',
        pre_hook="{{ claim_loads('dim_city', ['cities', 'regions']) }}",
        post_hook=dimension_hooks('dim_city', 'cities', 'city_id', references),
    )
}}

with

members as (
    {{ changed_members('dim_city', 'cities', 'city_id', references) }}
)

select
    member_key as city_id,
    city_name,
    country,
    timezone,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from members
