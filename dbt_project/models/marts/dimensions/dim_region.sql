-- grain: one row per region
{{
    config(
        unique_key='region_id',
        pre_hook="{{ claim_loads(
            'dim_region', ['regions', 'customers', 'restaurants', 'drivers', 'cities']
        ) }}",
        post_hook="{{ mark_absences('dim_region', 'regions', 'region_id') }}",
    )
}}

with

members as (
    {{ changed_members(
        'dim_region',
        'regions',
        'region_id',
        references=[
            ('customers', 'region_id'), ('restaurants', 'region_id'), ('drivers', 'region_id')
        ],
        also_changed=members_of_changed_parents('region_id', 'city_id', 'cities'),
    ) }}
),

located as (
    select
        members.*,
        cities.city_name
    from members
    left join lateral (
        {{ newest_version('cities', 'city_id', 'members.city_id') }}
    ) as cities on true
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
