-- grain: one row per restaurant
{{
    config(
        unique_key='restaurant_id',
        pre_hook="{{ claim_loads('dim_restaurant', ['restaurants']) }}",
        post_hook=dimension_hooks('dim_restaurant', 'restaurants', 'restaurant_id'),
    )
}}

with

members as (
    {{ changed_members('dim_restaurant', 'restaurants', 'restaurant_id') }}
)

select
    member_key as restaurant_id,
    restaurant_name,
    region_id,
    category_id,
    price_tier,
    rating_avg,
    prep_time_avg_min,
    is_active,
    created_at,
    updated_at,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from members
