"""Practice questions of the demo's maths: patterns in two numbers, so that every pattern gives variants (变式)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import factorial

Pattern = Callable[[int, int], "Made"]


@dataclass(frozen=True)
class Made:
    """A question: with wrong options a single choice, with a number to give, or, with neither, to be worked out."""

    stem: str
    answer: str
    solution: str
    wrong: tuple[str, ...] = ()
    number: bool = False


def choice(stem: str, answer: object, wrong: tuple[object, ...], solution: str) -> Made:
    return Made(stem, str(answer), solution, tuple(map(str, wrong)))


def number(stem: str, answer: object, solution: str) -> Made:
    return Made(f"{stem} ____。", str(answer), solution, number=True)


def worked(stem: str, answer: str, solution: str) -> Made:
    return Made(stem, answer, solution)


def pi(numerator: int, denominator: int = 1) -> str:
    """A multiple of π: 2π/3."""
    share = Fraction(numerator, denominator)
    over = f"/{share.denominator}" if share.denominator > 1 else ""
    return f"{share.numerator if share.numerator != 1 else ''}π{over}"


def square_minus(a: int, b: int) -> str:
    """x²−(2a+b)x+a(a+b), which is 0 at a and a+b."""
    return f"x²−{2 * a + b}x+{a * (a + b)}"


# Knowledge point → (expected rate, pattern) from easy to hard; a and b are different numbers from 2 to 9.
MATHS: dict[str, tuple[tuple[float, Pattern], ...]] = {
    "集合与逻辑": (
        (0.85, lambda a, b: number(f"集合 A={{x∈Z|−{a}≤x≤{b}}}，B={{x|x>0}}，则 A∩B 的元素个数为", b,
            f"A∩B 是 1 到 {b} 的整数，共 {b} 个。")),
        (0.75, lambda a, b: choice(f"集合 {{x∈N|x<{a + 1}}} 的子集的个数是", 2 ** (a + 1),
            (2 ** (a + 1) - 1, 2**a, 2 ** (a + 1) - 2),
            f"有 {a + 1} 个元素（0 到 {a}），子集共 2 的 {a + 1} 次方个。")),
        (0.65, lambda a, b: choice(f"命题“∀x>{a}，x²>{a * a}”的否定是", f"∃x>{a}，x²≤{a * a}",
            (f"∀x>{a}，x²≤{a * a}", f"∃x≤{a}，x²≤{a * a}", f"∃x>{a}，x²<{a * a}"), "量词要换，结论要否定，范围不变。")),
        (0.55, lambda a, b: choice(f"“x>{a + b}”是“x>{a}”的", "充分不必要条件",
            ("必要不充分条件", "充要条件", "既不充分也不必要条件"), "小范围推出大范围，反过来不成立。")),
        (0.40, lambda a, b: worked(f"已知 A={{x|{square_minus(a, b)}≤0}}，B={{x|x≥m}}。若 A⊆B，求 m 的取值范围。",
            f"m≤{a}", f"A=[{a},{a + b}]，A⊆B 等价于 m≤{a}。")),
    ),
    "不等式": (
        (0.80, lambda a, b: choice(f"不等式 {square_minus(a, b)}<0 的解集是", f"({a},{a + b})",
            (f"(−∞,{a})∪({a + b},+∞)", f"(−{a + b},−{a})", f"[{a},{a + b}]"),
            f"两根是 {a} 与 {a + b}，开口向上，取两根之间。")),
        (0.65, lambda a, b: number(f"若 x>0，则 x+{a * a}/x 的最小值为", 2 * a,
            f"由基本不等式，x+{a * a}/x≥{2 * a}，当 x={a} 时取等号。")),
        (0.50, lambda a, b: number(f"若 x>{a}，则 x+{b * b}/(x−{a}) 的最小值为", 2 * b + a,
            f"凑出 (x−{a})+{b * b}/(x−{a})+{a}≥{2 * b}+{a}。")),
    ),
    "函数的概念与性质": (
        (0.80, lambda a, b: choice(f"函数 f(x)=x²−{2 * a}x+{b} 的图象的对称轴是", f"x={a}",
            (f"x=−{a}", f"x={2 * a}", f"x=−{2 * a}"), f"对称轴 x=−(−{2 * a})/2={a}。")),
        (0.70, lambda a, b: choice(f"函数 f(x)=√(x−{a})+1/(x−{a + b}) 的定义域是", f"[{a},{a + b})∪({a + b},+∞)",
            (f"[{a},+∞)", f"({a},{a + b})∪({a + b},+∞)", f"({a + b},+∞)"), "被开方数不小于 0，分母不为 0。")),
        (0.60, lambda a, b: number(f"f(x)=x+{a}（x≤0），f(x)=2x（x>0），则 f(f(−{a + b}))=", a - b,
            f"先求里层 f(−{a + b})=−{b}，再求 f(−{b})={a - b}。")),
        (0.50, lambda a, b: number(f"已知 f(x)=px³+qx+{a}，且 f(2)={b + 10}，则 f(−2)=", 2 * a - b - 10,
            f"f(x)−{a} 是奇函数，所以 f(2)+f(−2)={2 * a}。")),
        (0.40, lambda a, b: worked(f"求函数 f(x)=x²−{2 * a}x+{b} 在区间 [0,{a + b}] 上的最大值和最小值。",
            f"最大值 {max(b, b * b - a * a + b)}，最小值 {b - a * a}",
            f"在 x={a} 处取最小值；比较 f(0)={b} 与 f({a + b})={b * b - a * a + b} 得最大值。")),
    ),
    "函数单调性": (
        (0.80, lambda a, b: choice(f"函数 f(x)=x²−{2 * a}x+{b} 的单调递减区间是", f"(−∞,{a}]",
            (f"[{a},+∞)", f"(−∞,−{a}]", f"(−∞,{2 * a}]"), f"开口向上，对称轴 x={a} 左侧递减。")),
        (0.65, lambda a, b: choice(f"若 f(x)=x²−2mx+{b} 在 [{a},+∞) 上单调递增，则 m 的取值范围是", f"m≤{a}",
            (f"m≥{a}", f"m≤−{a}", f"m≤{2 * a}"), f"对称轴 x=m 不在 {a} 的右侧。")),
        (0.60, lambda a, b: choice(f"f(x) 在 R 上单调递减，且 f(2m−{a})>f(m+{b})，则 m 的取值范围是", f"m<{a + b}",
            (f"m>{a + b}", f"m≤{a + b}", f"m<{a}"), f"递减，所以 2m−{a}<m+{b}。")),
        (0.50, lambda a, b: number(f"函数 f(x)=x+{a * a}/x 在 (0,k] 上单调递减，则 k 的最大值为", a,
            f"在 (0,{a}] 上递减，在 [{a},+∞) 上递增。")),
        (0.35, lambda a, b: worked(f"用定义证明：f(x)=x+{a * a}/x 在 [{a},+∞) 上单调递增。",
            f"任取 {a}≤x₁<x₂，f(x₂)−f(x₁)=(x₂−x₁)(x₁x₂−{a * a})/(x₁x₂)>0",
            f"作差、通分、因式分解，由 x₁x₂>{a * a} 判断符号。")),
    ),
    "指数与对数": (
        (0.85, lambda a, b: number(f"计算 log₂{2**a}+log₃{3**b}=", a + b, f"两项分别等于 {a} 和 {b}。")),
        (0.75, lambda a, b: choice(f"函数 y=m^(x−{a})+{b}（m>0，m≠1）的图象恒过定点", f"({a},{b + 1})",
            (f"({a},{b})", f"(−{a},{b + 1})", f"(0,{b + 1})"), f"令 x−{a}=0，则 y=1+{b}。")),
        (0.65, lambda a, b: choice(f"若 4^x=2^{a + b}，则 x=", Fraction(a + b, 2),
            (a + b, 2 * (a + b), Fraction(a + b, 4)), f"4^x=2^(2x)，所以 2x={a + b}。")),
        (0.55, lambda a, b: choice(f"设 m={a}^0.3，n=0.3^{a}，p=log₀.₃{a}，则", "p<n<m",
            ("n<p<m", "m<n<p", "p<m<n"), "m>1，0<n<1，p<0，与 0、1 比较。")),
        (0.45, lambda a, b: worked(f"解不等式 log₂(x−{a})<{b}。", f"{a}<x<{a + 2**b}",
            f"真数大于 0，且 x−{a}<2^{b}；不要漏掉定义域。")),
    ),
    "三角函数": (
        (0.85, lambda a, b: number(f"函数 y={a}sin(2x+π/3)+{b} 的最大值为", a + b, "正弦的最大值是 1。")),
        (0.75, lambda a, b: choice(f"函数 y={a}sin({b}x+π/3) 的最小正周期是", pi(2, b),
            (pi(1, b), pi(2), pi(2 * b)), f"T=2π/{b}。")),
        (0.60, lambda a, b: choice(f"已知 tanα={a}，则 (sinα+cosα)/(sinα−cosα)=", Fraction(a + 1, a - 1),
            (Fraction(a - 1, a + 1), -Fraction(a + 1, a - 1), a), "分子分母同除以 cosα。")),
        (0.50, lambda a, b: choice(f"将 y=sin{a}x 的图象向左平移 {pi(1, 2 * a)} 个单位，所得图象的解析式是",
            f"y=cos{a}x",
            (f"y=−cos{a}x", f"y=sin({a}x+{pi(1, 2 * a)})", f"y=−sin{a}x"),
            f"把 x 换成 x+{pi(1, 2 * a)}，再用诱导公式。")),
        (0.40, lambda a, b: worked(f"已知 f(x)={2 * a}sinxcosx+{b}，求 f(x) 的最小正周期和最大值。",
            f"最小正周期 π，最大值 {a + b}", f"f(x)={a}sin2x+{b}。")),
    ),
    "平面向量": (
        (0.85, lambda a, b: number(f"已知 m=({a},1)，n=(1,{b})，则 m·n=", a + b, "对应坐标相乘再相加。")),
        (0.75, lambda a, b: number(f"若 m=({a},{b}) 与 n=({b},k) 垂直，则 k=", -a, f"{a}×{b}+{b}k=0。")),
        (0.65, lambda a, b: choice(f"若 m=({a},1) 与 n=(k,{b}) 平行，则 k=", a * b,
            (-a * b, a * b + 1, 2 * a * b), f"{a}×{b}=1×k。")),
        (0.50, lambda a, b: choice(f"|m|={a}，|n|={b}，m 与 n 的夹角为 60°，则 |m+n|=", f"√{a * a + b * b + a * b}",
            (f"√{a * a + b * b}", f"√{a * a + b * b - a * b}", a + b), "先平方：|m|²+|n|²+2|m||n|cos60°。")),
        (0.40, lambda a, b: worked(f"△ABC 中，AB={a}，AC={b}，A=60°，D 为 BC 的中点，求 AD 的长。",
            f"√{a * a + b * b + a * b}/2", "AD 向量等于 AB、AC 向量之和的一半，再平方。")),
    ),
    "数列": (
        (0.85, lambda a, b: number(f"等差数列的首项为 {a}，公差为 {b}，则第 10 项为", a + 9 * b, f"{a}+9×{b}。")),
        (0.75, lambda a, b: number(f"首项为 {a}、公比为 2 的等比数列的前 5 项和为", 31 * a, f"{a}×(2⁵−1)/(2−1)。")),
        (0.60, lambda a, b: choice(f"等差数列中 a₃+a₇={2 * (a + b)}，则前 9 项和 S₉=", 9 * (a + b),
            (18 * (a + b), 10 * (a + b), 8 * (a + b)), f"a₅={a + b}，S₉=9a₅。")),
        (0.50, lambda a, b: choice(f"数列的前 n 项和 Sₙ=n²+{a}n，则 aₙ=", f"2n+{a - 1}",
            (f"2n+{a}", f"2n+{a + 1}", f"n+{a}"), "n≥2 时 aₙ=Sₙ−Sₙ₋₁，再验证 n=1。")),
        (0.40, lambda a, b: worked(
            f"等差数列 {{aₙ}} 中 a₁={a}，a₃={a + 2 * b}。（1）求通项公式；（2）设 bₙ=2^aₙ，证明 {{bₙ}} 是等比数列。",
            f"（1）aₙ={a}+{b}(n−1)；（2）bₙ₊₁/bₙ=2^{b}，是常数", "公差由 a₃−a₁ 得到；等比用定义证。")),
    ),
    "立体几何": (
        (0.80, lambda a, b: number(f"底面边长为 {a}、高为 {3 * b} 的正四棱锥的体积为", a * a * b,
            "V=Sh/3，不要漏掉三分之一。")),
        (0.70, lambda a, b: choice(f"半径为 {a} 的球的表面积是", pi(4 * a * a),
            (pi(a * a), pi(2 * a * a), pi(8 * a * a)), "S=4πR²。")),
        (0.60, lambda a, b: choice(f"底面半径为 {a}、母线长为 {a + b} 的圆锥的侧面积是", pi(a * (a + b)),
            (pi(2 * a * (a + b)), pi(a * a), pi(a * (2 * a + b))), "S=πrl；加上底面才是全面积。")),
        (0.40, lambda a, b: worked(
            f"棱长为 {a} 的正方体 ABCD-A₁B₁C₁D₁ 中，求异面直线 A₁B 与 AC 所成的角，并求三棱锥 A₁-ABD 的体积。",
            f"60°；{Fraction(a**3, 6)}", "AC 平行于 A₁C₁，三角形 A₁BC₁ 是正三角形；体积用底面 ABD。")),
    ),
    "解析几何": (
        (0.80, lambda a, b: choice(f"圆 x²+y²−{2 * a}x−{2 * b}y=0 的圆心坐标是", f"({a},{b})",
            (f"(−{a},−{b})", f"({2 * a},{2 * b})", f"(−{2 * a},−{2 * b})"), "配方即得。")),
        (0.75, lambda a, b: number(f"过点 ({a},{b}) 且斜率为 2 的直线在 y 轴上的截距为", b - 2 * a,
            f"{b}=2×{a}+截距。")),
        (0.60, lambda a, b: number(f"点 ({a},{b}) 到直线 3x+4y+{2 * a + b}=0 的距离为", a + b, f"|{5 * (a + b)}|/5。")),
        (0.55, lambda a, b: choice(f"直线 {a}x+2y+1=0 与 {a * b}x+my+{b + 1}=0 平行，则 m=", 2 * b,
            (-2 * b, b, 2 * b + 1), "x、y 的系数成比例，再检验不重合。")),
        (0.40, lambda a, b: worked(f"求以 ({a},{b}) 为圆心且与 x 轴相切的圆的方程，并判断原点与圆的位置关系。",
            f"(x−{a})²+(y−{b})²={b * b}；原点在圆外", f"半径等于圆心到 x 轴的距离 {b}。")),
    ),
    "概率与统计": (
        (0.80, lambda a, b: number(f"样本 x₁，…，xₙ 的平均数为 {a}，则 3x₁+{b}，…，3xₙ+{b} 的平均数为", 3 * a + b,
            f"3×{a}+{b}。")),
        (0.70, lambda a, b: number(f"样本 x₁，…，xₙ 的方差为 {a}，则 2x₁+{b}，…，2xₙ+{b} 的方差为", 4 * a,
            "加常数方差不变，乘 2 方差乘 4。")),
        (0.60, lambda a, b: number(
            f"袋中有 {a} 个红球、{b} 个白球，任取两个，同色的概率约为（保留两位小数）",
            f"{(a * (a - 1) + b * (b - 1)) / ((a + b) * (a + b - 1)):.2f}±0.005", "同红与同白两类相加。")),
        (0.50, lambda a, b: number(f"{a} 个男生和 2 个女生站成一排，两个女生相邻的排法种数为", 2 * factorial(a + 1),
            "把两个女生捆在一起，内部还有 2 种排法。")),
        (0.45, lambda a, b: worked(f"甲、乙投篮的命中率分别是 0.{a}、0.{b}，各投一次，求至少一人命中的概率。",
            f"{1 - (10 - a) * (10 - b) / 100:.2f}", "用对立事件：两人都不中。")),
    ),
    "导数": (
        (0.70, lambda a, b: number(f"曲线 y=x²+{a}x 在 x={b} 处的切线斜率为", 2 * b + a, "y'=2x 再加一次项系数。")),
        (0.50, lambda a, b: number(f"函数 f(x)=x³−{3 * a * a}x+{b} 的极大值点为 x=", -a, f"f'(x)=3(x+{a})(x−{a})。")),
    ),
}  # fmt: skip

# What wrong answers of the demo's items on a point are taken to show.
MISCONCEPTIONS = {
    "集合与逻辑": ("漏了空集", "充分与必要颠倒"),
    "函数的概念与性质": ("忽略定义域", "里外层次颠倒"),
    "函数单调性": ("增减方向颠倒", "漏了端点"),
    "指数与对数": ("指数运算当成乘法", "忽略真数大于 0"),
    "三角函数": ("周期公式用错", "诱导公式符号错误"),
    "平面向量": ("垂直与平行条件混淆", "夹角找错"),
    "数列": ("公式里的项数多一或少一", "没有验证首项"),
    "立体几何": ("锥体漏乘三分之一", "侧面积与全面积混淆"),
    "解析几何": ("圆心符号错误", "没有检验重合"),
    "概率与统计": ("加法与乘法原理混淆", "方差当成线性变化"),
}
