-- grain: one row per category
{{
    config(
        unique_key='category_id',
        pre_hook="{{ claim_loads('dim_category', ['categories', 'restaurants']) }}",
        post_hook="{{ mark_absences('dim_category', 'categories', 'category_id') }}",
    )
}}

with

members as (
    {{ changed_members(
        'dim_category',
        'categories',
        'category_id',
        [('restaurants', 'category_id')],
    ) }}
)

select
    member_key as category_id,
    category_name,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from members
