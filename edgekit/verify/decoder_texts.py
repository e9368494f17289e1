"""What decoders are compared on when a user gives no texts: short and long, in several scripts, and code."""

TEXTS = (
    "The capital of France is",
    "Question: What is 17 + 25?\nAnswer:",
    "def fibonacci(n: int) -> int:\n    if n < 2:\n        return n\n    return fibonacci(n - 1) +",
    '{"name": "Ada Lovelace", "born": 1815, "languages": ["English", "French"], "known for": "',
    "Die Züge nach München fahren heute später ab, weil zwischen Köln und Bonn ein Signal ausgefallen ist.",
    "Вчера вечером мы долго гуляли по набережной, а потом пили чай и говорили о книгах.",
    "今天的天气很好，我们打算去公园散步，然后在河边吃午饭。",
    "القراءة في الصباح عادة جميلة، فهي تهدئ النفس وتفتح أبواب المعرفة.",
    "A lighthouse keeper writes down the weather every evening. In spring the wind comes from the "
    "south and the fishing boats leave before sunrise; in autumn it turns, the sea grows rough, and "
    "nobody goes out for days. When he was young he thought that the notes were for the harbour "
    "office, which asks for them once a year and never answers. Later he understood that he writes "
    "them for himself, because a day that has been described does not disappear. On the last page of "
    "every book he adds up the storms, and below the sum he writes the name of the ship that he would"
    " have liked to see. This year he counted",
    "Water expands when it freezes, which is unusual: most liquids become denser as they turn solid. "
    "The reason is the shape of the molecule. In ice every molecule is held by four neighbours at a "
    "fixed angle, and this arrangement leaves more empty space than the loose order of the liquid. "
    "That is why ice floats, why lakes freeze from the top, and why fish survive the winter below. It"
    " is also why a bottle that was forgotten in the freezer breaks, and why roads that are wet in "
    "the evening have new cracks in the morning. Engineers who build in cold countries therefore make"
    " sure that",
)
