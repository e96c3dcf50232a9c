"""Invented people: names put together at random, telephone numbers that nobody has."""

from __future__ import annotations

import numpy as np

# Family names with their rough share in thousandths, as published after censuses.
SURNAMES = {
    "王": 72, "李": 71, "张": 67, "刘": 53, "陈": 47, "杨": 31, "黄": 24, "赵": 22, "吴": 20,
    "周": 19, "徐": 15, "孙": 14, "马": 13, "朱": 13, "胡": 12, "郭": 12, "何": 11, "林": 11,
    "高": 10, "罗": 10, "郑": 9, "梁": 9, "谢": 8, "宋": 8, "唐": 8, "许": 7, "邓": 7, "韩": 7,
    "冯": 7, "曹": 6, "彭": 6, "曾": 6, "肖": 6, "田": 6, "董": 6, "潘": 5, "袁": 5, "蔡": 5,
    "蒋": 5, "余": 5, "于": 5, "杜": 5, "叶": 5, "程": 5, "魏": 5, "苏": 5, "吕": 5, "丁": 4,
    "任": 4, "卢": 4, "姚": 4, "钟": 4, "姜": 4, "崔": 4, "谭": 4, "陆": 4, "范": 4, "汪": 4,
    "廖": 4, "石": 4, "金": 4, "韦": 3, "贾": 3, "夏": 3, "付": 3, "方": 3, "邹": 3, "熊": 3,
    "白": 3, "孟": 3, "秦": 3, "邱": 3, "侯": 3, "江": 3, "尹": 3, "薛": 3, "雷": 2, "龙": 2,
    "陶": 2, "毛": 2, "欧阳": 1,
}  # fmt: skip
FIRST = "国建志明文德光永正家世兴春秀玉桂淑惠小晓天海成云龙金长少学庆安荣绍开朝启泽俊佳"
SECOND = "华军平强伟林生明清英芳兰珍琼莲梅芬萍红艳丽霞群富贵才福祥忠友元全发祥云芝香菊会斌超勇"
SINGLE = "勇军强伟平敏静丽英华斌涛超琴洪刚兵燕玲霞艳波"
SINGLE_SHARE = 0.16  # of names with one given character


def names(count: int, rng: np.random.Generator) -> list[str]:
    """`count` names, repeating as real ones do."""
    shares = np.array(list(SURNAMES.values()), float)
    family = rng.choice(np.array(list(SURNAMES)), count, p=shares / shares.sum()).tolist()
    first = rng.choice(np.array(list(FIRST)), count).tolist()
    second = rng.choice(np.array(list(SECOND)), count).tolist()
    single = rng.choice(np.array(list(SINGLE)), count).tolist()
    short = (rng.random(count) < SINGLE_SHARE).tolist()
    return [
        name + (lone if brief else one + two)
        for name, one, two, lone, brief in zip(family, first, second, single, short, strict=True)
    ]


def phones(count: int, rng: np.random.Generator) -> list[str]:
    """`count` numbers of eleven digits that ring nowhere: mobile prefix 154 has no operator."""
    return [f"154{number:08d}" for number in rng.integers(0, 10**8, count).tolist()]
