-- grain: one row per version of a restaurant; a version is a change of its business columns
{{
    config(
        unique_key='version_key',
        indexes=[
            {'columns': ['restaurant_id', 'valid_from']},
            {'columns': ['_loaded_at']},
        ],
        pre_hook="{{ claim_loads('dim_restaurant_history', ['restaurants']) }}",
    )
}}

with

{{ member_versions(
    'dim_restaurant_history',
    'restaurants',
    'restaurant_id',
    [
        'restaurant_name',
        'region_id',
        'category_id',
        'price_tier',
        'rating_avg',
        'prep_time_avg_min',
        'is_active',
        'created_at',
    ],
) }}

select
    version_key,
    restaurant_id,
    restaurant_name,
    region_id,
    category_id,
    price_tier,
    rating_avg,
    prep_time_avg_min,
    is_active,
    created_at,
    valid_from,
    valid_to,
    is_current,
    is_absent,
    absent_since,
    now() as _loaded_at
from history
