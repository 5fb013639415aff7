-- grain: one row per region
{%- set references = [
    ('customers', 'region_id'), ('restaurants', 'region_id'), ('drivers', 'region_id')
] %}
{{
    config(
        unique_key='region_id',
        pre_hook="{{ claim_loads(
            'dim_region',
            ['regions', 'customers', 'restaurants', 'drivers', 'cities'],
            after={'cities': 'dim_city'},
        ) }}",
        post_hook=dimension_hooks('dim_region', 'regions', 'region_id', references),
    )
}}

with

members as (
    {{ changed_members(
        'dim_region',
        'regions',
        'region_id',
        references=references,
        also_changed=members_of_changed_parents('region_id', 'city_id', 'cities'),
    ) }}
),

located as (
    select
        members.*,
        cities.city_name
    from members
    left join {{ ref('dim_city') }} as cities on members.city_id = cities.city_id
)

select
    member_key as region_id,
    region_name,
    city_id,
    city_name,
    delivery_base_fee,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from located
