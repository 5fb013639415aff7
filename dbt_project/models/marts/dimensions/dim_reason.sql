-- grain: one row per reason
{{
    config(
        unique_key='reason_id',
        pre_hook="{{ claim_loads(
            'dim_reason',
            ['reasons', 'reason_categories'],
            after={'reason_categories': 'dim_reason_category'},
        ) }}",
        post_hook=dimension_hooks('dim_reason', 'reasons', 'reason_id'),
    )
}}

with

members as (
    {{ changed_members(
        'dim_reason',
        'reasons',
        'reason_id',
        also_changed=members_of_changed_parents(
            'reason_id', 'reason_category_id', 'reason_categories'
        ),
    ) }}
),

grouped as (
    select
        members.*,
        categories.category_name as reason_category
    from members
    left join {{ ref('dim_reason_category') }} as categories
        on members.reason_category_id = categories.reason_category_id
)

select
    member_key as reason_id,
    reason_name,
    reason_category_id,
    reason_category,
    severity_level,
    typical_refund_pct,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from grouped
