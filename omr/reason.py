"""Why something on paper needs a person: the one list of reasons, with what each means and what to do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Why a page was not read (kind "page") or a field is in doubt (kind "field").

    Attributes:
        zh, en: what it means, in one line.
        mend_zh, mend: what to do, as an imperative.
    """

    zh: str
    en: str
    mend_zh: str
    mend: str

    def __new__(cls, value: str, zh: str = "", en: str = "", mend_zh: str = "", mend: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.zh, member.en, member.mend_zh, member.mend = zh, en, mend_zh, mend
        return member

    # The file gives no picture.
    EMPTY = "empty", "文件为空", "the file is empty", "重新扫描或重新拷贝", "scan or copy it again"
    UNREADABLE = (
        "unreadable",
        "文件打不开",
        "the file can't be opened",
        "检查文件权限和磁盘",
        "check its permissions and the disk",
    )
    NOT_AN_IMAGE = (
        "not_an_image",
        "不是支持的图像",
        "not a picture of a kind that can be read",
        "导出为 JPEG、PNG、TIFF 或 PDF",
        "export it as JPEG, PNG, TIFF or PDF",
    )
    TRUNCATED = (
        "truncated",
        "文件不完整",
        "the file ends too early",
        "重新扫描或重新拷贝",
        "scan or copy it again",
    )
    DAMAGED = "damaged", "文件已损坏", "the file is damaged", "重新扫描或重新拷贝", "scan or copy it again"
    TOO_LARGE = (
        "too_large",
        "图像过大",
        "the picture or file is too large",
        "以 200–300 dpi 重新扫描",
        "scan again at 200 to 300 dpi",
    )
    TOO_MANY_PAGES = (
        "too_many_pages",
        "文件页数过多",
        "the file has too many pages",
        "拆分成几个文件",
        "split it into several files",
    )
    ENCRYPTED = (
        "encrypted",
        "文件已加密",
        "the file is encrypted",
        "去掉密码后另存",
        "save it without a password",
    )
    ARCHIVE = (
        "archive",
        "压缩包打不开",
        "an archive that can't be read as a folder",
        "解压后把其中的文件放入扫描文件夹",
        "unpack it and put its files among the scans",
    )
    OUTSIDE_FOLDER = (
        "outside_folder",
        "链接指向扫描文件夹之外",
        "a link that leads out of the scanned folder",
        "把文件本身拷入文件夹",
        "copy the files themselves into the folder",
    )

    # The picture is not a page of this sheet, or too poor to tell.
    BLANK_PAGE = (
        "blank_page",
        "空白页",
        "an empty page",
        "若是答题卡背面可忽略,否则重新扫描",
        "ignore it if it is an unused back, otherwise scan again",
    )
    LOW_CONTRAST = (
        "low_contrast",
        "对比度过低",
        "ink and paper hardly differ",
        "加深扫描后重新扫描",
        "scan again with a darker setting",
    )
    BLURRED = "blurred", "图像模糊", "the picture is blurred", "重新扫描", "scan it again"
    LOW_RESOLUTION = (
        "low_resolution",
        "分辨率过低",
        "too few pixels",
        "以 200 dpi 重新扫描",
        "scan again at 200 dpi",
    )
    NOT_REGISTERED = (
        "not_registered",
        "找不到定位标记",
        "the sheet's corner marks or outline were not found",
        "展平折角后重新扫描;若不是本科目答题卡请移出",
        "unfold the corners and scan again; take it out if it is not a sheet of this subject",
    )
    CUT_OFF = (
        "cut_off",
        "页面不完整",
        "part of the page is outside the picture",
        "对齐导纸板后整页重新扫描",
        "scan it again, whole: straight against the guide, or from further away",
    )
    WRONG_SHEET = (
        "wrong_sheet",
        "不是本次考试的答题卡",
        "a sheet of another exam or subject",
        "放入所属科目的文件夹",
        "put it into the folder of its own subject",
    )

    # Reading it went wrong.
    CRASHED = (
        "crashed",
        "读取时程序崩溃或超时",
        "reading it crashed or took too long",
        "换一种格式重新扫描,并报告此文件",
        "scan it again to another format, and report the file",
    )
    FAILED = (
        "failed",
        "读取时出现内部错误",
        "reading it met an internal error",
        "请报告此文件",
        "report the file",
    )

    # A field is in doubt.
    FAINT = "faint", "填涂过淡", "a grey mark", "核对原卡", "look at the sheet"
    PARTIAL = "partial", "填涂不完整", "a bubble marked in part", "核对原卡", "look at the sheet"
    SMUDGE = "smudge", "疑似污迹", "hardly more than a smudge", "核对原卡", "look at the sheet"
    ERASED = "erased", "疑似擦除", "what looks like an erased mark", "核对原卡", "look at the sheet"
    CLIPPED = "clipped", "填涂点不在图像内", "a bubble outside the picture", "重新扫描", "scan it again"
