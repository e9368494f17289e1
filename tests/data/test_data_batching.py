import random

from hypothesis import given
from hypothesis import strategies as st

from edgekit.data.batching import length_buckets
from edgekit.data.percentiles import percentiles


def padding_share(lengths, batches):
    """Share of tokens that are padding when each batch is padded to its longest row."""
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    return 1 - sum(lengths[i] for batch in batches for i in batch) / padded


LENGTHS = st.lists(st.integers(1, 128), max_size=300)


@given(LENGTHS, st.integers(1, 40), st.integers(0, 9), st.integers(0, 3), st.integers(1, 5))
def test_every_row_once_in_batches_of_the_size_asked(lengths, batch_size, seed, epoch, window):
    batches = length_buckets(lengths, batch_size, seed=seed, epoch=epoch, window=window)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert sum(len(batch) != batch_size for batch in batches) <= 1
    assert batches == length_buckets(lengths, batch_size, seed=seed, epoch=epoch, window=window)


def test_order_differs_by_epoch_and_seed():
    lengths = [i % 50 + 1 for i in range(1000)]
    orders = [length_buckets(lengths, 16, seed=s, epoch=e) for s, e in ((0, 0), (0, 1), (1, 0))]
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_buckets_pad_less_than_a_plain_shuffle_and_still_mix():
    source = random.Random(0)
    lengths = [min(128, int(source.lognormvariate(3.2, 0.5)) + 4) for _ in range(5000)]
    plain = padding_share(lengths, length_buckets(lengths, 32, seed=0, epoch=0, window=1))
    bucketed = length_buckets(lengths, 32, seed=0, epoch=0)
    assert plain > 0.3
    assert padding_share(lengths, bucketed) < 0.05
    # Batches of long rows come anywhere in the epoch, not at its end.
    longest = sorted(range(len(bucketed)), key=lambda b: -max(lengths[i] for i in bucketed[b]))[:10]
    assert min(longest) < len(bucketed) / 2 < max(longest)


def test_percentiles_are_values_that_occur():
    assert percentiles(list(range(1, 101)), 50, 90, 99, 100) == (50, 90, 99, 100)
    assert percentiles([7], 0, 50, 99) == (7, 7, 7)
    assert percentiles([1, 2, 3], 50) == (2,)
    assert percentiles([], 50, 90) == (0, 0)
