import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime

from sql.retail.sample.history import DAYS, ROWS_PER_CHUNK, History
from sql.retail.sample.rows import Chunk

UNTIL = datetime(2025, 3, 1, 15, 30, tzinfo=UTC)
MIDNIGHT = "2025-03-01 00:00:00+00"


def history(customers: int, products: int, sales: int, *, dirty: float = 0) -> History:
    totals = {"customers": customers, "products": products, "sales": sales}
    return History(totals, random_seed=1, dirty=dirty, until=UNTIL)


def read(chunks: Iterable[Chunk]) -> Chunk:
    columns: Chunk = {}
    for chunk in chunks:
        for name, values in chunk.items():
            columns.setdefault(name, []).extend(values)
    return columns


def test_ids_count_from_one_across_chunks():
    made = history(ROWS_PER_CHUNK + 1, 3, 2 * DAYS)
    ids = {
        table: list(map(int, next(iter(read(chunks).values()))))
        for table, chunks in made.streams().items()
    }
    assert ids == {
        "customers": list(range(1, ROWS_PER_CHUNK + 2)),
        "products": [1, 2, 3],
        "sales": list(range(1, 2 * DAYS + 1)),
    }


def test_no_instant_is_after_the_midnight_before_the_end():
    for chunks in history(500, 50, 5000).streams().values():
        columns = read(chunks)
        assert max(columns["created_at"]) < MIDNIGHT
        assert columns["created_at"] == sorted(columns["created_at"])


def test_sales_last_two_years():
    _, _, sales = map(read, history(10, 10, 50_000).streams().values())
    days = {stamp[:10] for stamp in sales["transaction_timestamp"]}
    assert (len(days), min(days), max(days)) == (DAYS, "2023-03-02", "2025-02-28")


def test_a_customer_and_a_product_are_older_than_their_sales():
    customers, products, sales = map(read, history(400, 40, 5000).streams().values())
    born = [
        max(customers["created_at"][int(customer) - 1], products["created_at"][int(product) - 1])
        for customer, product in zip(sales["customer_id"], sales["product_id"], strict=True)
    ]
    sold = sales["transaction_timestamp"]
    assert [pair for pair in zip(born, sold, strict=True) if pair[0] >= pair[1]] == []


def test_a_sale_costs_what_its_product_does_even_where_that_price_is_broken():
    _, products, sales = map(read, history(10, 200, 5000, dirty=0.5).streams().values())
    prices = dict(zip(products["product_id"], products["unit_price"], strict=True))
    costs = [
        (prices[product], cost)
        for product, cost in zip(sales["product_id"], sales["unit_price"], strict=True)
        if not cost.startswith("-")
    ]
    assert {cost == price or price.startswith("-") for price, cost in costs} == {True}


def test_more_is_sold_on_saturdays_and_in_december():
    _, _, sales = map(read, history(10, 10, 50_000).streams().values())
    days = [datetime.fromisoformat(stamp) for stamp in sales["transaction_timestamp"]]
    weekdays = [sum(day.weekday() == weekday for day in days) for weekday in range(7)]
    months = [sum(day.month == month for day in days) for month in range(1, 13)]
    assert (weekdays.index(max(weekdays)), months.index(max(months)) + 1) == (5, 12)


def test_memory_does_not_grow_with_the_sales():
    made = history(10, 10, 50_000)
    tracemalloc.start()
    rows = sum(len(next(iter(c.values()))) for chunks in made.streams().values() for c in chunks)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # All of them at once would take 18 MB.
    assert (rows, peak < 1_000_000) == (50_020, True), peak
