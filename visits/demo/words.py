"""What invented people write: notes of visits, issues and the steps of their chains (Chinese)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MET_FIRST = (
    "家中情况稳定", "老人身体尚可，按时服药", "孩子在镇上读书", "青壮年外出务工，老人在家",
    "今年收成一般", "新种了两亩柑橘", "正在翻修房屋", "刚从外地返乡", "家里添了新成员",
    "养了六头猪，行情不好", "老人独居，精神不错", "女主人在家带孩子",
)  # fmt: skip
MET_THEN = (
    "宣传了医保参保政策", "讲了用火用电安全", "提醒了防诈骗", "登记了外出务工去向",
    "核对了户籍信息", "讲了地质灾害避险路线", "询问了饮水情况", "了解了低保发放情况",
    "讲了交通安全", "介绍了产业奖补政策",
)  # fmt: skip
MET_LAST = (
    "无其他诉求。", "下月再来看看。", "已留联系卡。", "有事电话联系。", "请邻居多照应。",
    "表示满意。", "希望早点修好门前的路。", "盼望有更多零工。",
)  # fmt: skip
UNMET = (
    "门锁着，邻居说赶集去了。", "家中无人，改日再访。", "白天在地里，约晚上再来。",
    "外出务工未归。",
)  # fmt: skip

ISSUES: dict[str, tuple[str, ...]] = {
    "facility.road": (
        "进组道路被雨水冲坏，车过不去。", "村道塌方半边，晚上很危险。", "路面坑洼，老人摔过跤。",
    ),
    "facility.streetlight": ("路口两盏路灯不亮已一周。", "广场边路灯坏了，晚上看不见。"),
    "facility.drain": ("排水沟堵了，下雨水漫进院子。", "涵洞被泥沙堵住。"),
    "facility.building": ("老教学楼墙体开裂。", "偏房屋顶塌了一角，仍有人住。"),
    "water.outage": ("停水三天，全组挑水吃。", "水管爆了，没有水。", "高处十几户水上不来。"),
    "water.quality": ("自来水发黄，有泥腥味。", "水池边有人倒农药瓶。"),
    "water.irrigation": ("灌溉渠漏水，下游田干着。", "水渠被塌方埋了一段。"),
    "power.outage": ("昨晚起停电，至今没来。",),
    "power.line": ("电线压在树枝上，刮风冒火星。", "电杆倾斜，怕倒。"),
    "environment.rubbish": ("垃圾房满了没人拉。", "河边有人倒建筑垃圾。"),
    "environment.pollution": ("养殖场污水流到沟里，味道大。", "砂石场夜里作业吵得睡不着。"),
    "safety.landslide": ("屋后山坡出现裂缝，雨天掉石头。",),
    "safety.fire": ("楼道里堆满柴草。", "消防栓没有水。"),
    "safety.traffic": ("学校门口没有减速带，车速快。",),
    "dispute.neighbour": ("两家因滴水檐争吵，请来调解。", "因鸡吃菜起了口角。"),
    "dispute.land": ("地界不清，两家都说是自己的。",),
    "dispute.wages": ("工地欠三个月工资没发。",),
    "dispute.debt": ("借给亲戚的钱要不回来，请政府帮忙要。",),
    "welfare.allowance": ("家里主劳力生病，想申请低保。", "想问临时救助怎么申请。"),
    "welfare.elderly": ("独居老人行动不便，需要送餐。",),
    "welfare.disability": ("想换一辆轮椅。", "残疾证到期要换。"),
    "welfare.certificate": ("外出不便，请代办居住证明。",),
    "health.insurance": ("在外地住院，不会报销手续。", "医保重复缴费要退。"),
    "farming.pest": ("柑橘叶子发黄，不知道什么病。",),
    "welfare.age": ("老人满八十岁，想办高龄津贴。",),
    "labour.pension": ("想给父母参保，不知道交哪一档。", "养老保险断缴了，想补缴。"),
    "farming.subsidy": ("今年地力补贴少了两亩。",),
    "farming.card": ("一卡通上的补贴没到账。", "一卡通丢了，补贴打到旧卡上。"),
    "farming.homestead": ("儿子分户，想申请宅基地。",),
    "health.birth": ("小孩出生，想办生育登记。",),
    "dispute.traffic": ("三轮车被撞，对方不肯赔。",),
    "dispute.village": ("想看组里征地款怎么分的。",),
    "order.household": ("新媳妇户口想迁过来。", "身份证户口簿名字不一致。"),
    "education.enrol": ("孩子随父母回来，想转学。",),
    "policy": ("想了解返乡创业贷款。", "问养老金认证怎么弄。"),
}  # fmt: skip
# How often each is reported, relative to the others; 1 where nothing is said.
FREQUENT = {
    "facility.road": 5, "facility.streetlight": 4, "facility.drain": 3, "water.outage": 4,
    "environment.rubbish": 4, "dispute.neighbour": 3, "welfare.allowance": 4,
    "welfare.certificate": 3, "health.insurance": 3, "policy": 2, "power.line": 2,
    "dispute.debt": 1.5, "water.quality": 2,
}  # fmt: skip
RESULTS = (
    "已到现场处理完毕，并告知本人。", "已协调解决，住户认可。", "已修复，住户到场确认。",
    "材料已交齐并办妥，结果已告知。", "双方达成一致并签字。", "已安排人员处理，当面回复住户。",
)  # fmt: skip
RETURNED = ("不属本组网格，请改派。", "需水务部门处理，组里无力解决。", "地点写错，请核对后再派。")
REWORK = (
    "住户反映仍未解决，请继续处理。", "缺处理前后情况说明，请补充。", "只处理了一半，请再去一次。",
)  # fmt: skip
DECLINED = (
    "属个人债务，政府无权处置；可向人民法院起诉，或到司法所申请调解。",
    "不符合办理条件，依据已当面说明；可到镇便民服务中心咨询。",
    "与已办结事项相同，已告知处理结果；不服可申请复查。",
)  # fmt: skip
ANSWER = "已当面告知处理结果。"
BASIS = "镇权责清单及相关规定"
INSTEAD = "镇便民服务中心或有管辖权的部门"
SUSPENDED = ("等待上级专项资金下达后施工。", "汛期道路不通，待通行后继续。")
REOPENED = ("住户来电称问题又出现。", "回访不满意，重新办理。")


def visit_notes(met: NDArray[np.bool_], rng: np.random.Generator) -> list[str]:
    """Notes of visits, for about half of them empty."""
    count = len(met)
    picks = [
        rng.choice(np.array(words), count).tolist()
        for words in (MET_FIRST, MET_THEN, MET_LAST, UNMET)
    ]
    silent = (rng.random(count) < 0.5).tolist()
    return [
        "" if quiet else f"{first}，{then}，{last}" if seen else unmet
        for quiet, seen, first, then, last, unmet in zip(silent, met.tolist(), *picks, strict=True)
    ]
