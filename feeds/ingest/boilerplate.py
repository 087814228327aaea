"""What stands in newsletters and article pages without being news, told by its wording."""

from __future__ import annotations

import re

from feeds.ingest.blocks import Block

_PRODUCT = r"(?:e-?mail|e-?letter|newsletter|bulletin|digest|round-?up|briefing|e-?zine|mailing|alert)s?"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


# Lines that tell the reader how to get, keep, pass on or stop the mail, or who sent it.
_MAILING = _any(
    r"^.{0,110}\bunsubscribe\b.{0,60}$",
    r"^(?:click here to )?(?:manage|update|change|edit) (?:your |my |mailing )?(?:e-?mail |subscription |mailing )?(?:preferences|subscription|details|settings)",
    r"^(?:\S+ ){0,9}(?:view|read|see|open) (?:this|it|the) ?(?:e-?mail|newsletter|bulletin|message|issue|online)? ?(?:in|on|with|online) ?(?:a|your|the)? ?(?:web ?)?(?:browser|web|page)?\W*$",
    r"^(?:view|read) (?:online|in (?:your )?browser|web version)|^web version\b|^view as (?:a )?web ?page",
    r"^(?:having )?(?:trouble|problems?|difficulty) (?:viewing|reading|seeing)|(?:e-?mail|images?) not display|can'?t (?:see|read) this",
    rf"^(?:was )?(?:this )?(?:\S+ )?(?:forwarded|passed on) (?:this|to you|by)|^if (?:some|a|any)\w* (?:\S+ )?(?:has )?forwarded|^(?:received|were you forwarded|been forwarded|forwarded) this|^this {_PRODUCT} was forwarded",
    rf"^(?:please )?(?:forward|send|pass) (?:this|it)(?: {_PRODUCT})? (?:on )?to (?:a |your )?(?:friend|colleague)|^forward to a (?:friend|colleague)|^(?:tell|share with) a (?:friend|colleague)",
    r"^this (?:\S+ )?(?:e-?mail|message|mailing|newsletter|bulletin|digest|briefing) (?:was|is|has been|goes) (?:sent|compiled|produced|published|edited|written|brought|prepared|issued|intended|confidential|funded)",
    rf"^(?:to )?(?:sign ?up|subscribe|register|join)\b(?=.{{0,80}}(?:{_PRODUCT}|here|free|https?:|now|today|copy|list|updates|inbox|us\b)|\W*$| (?:the|our) \w+\W*$)",
    rf"\b(?:sign ?up|subscribe|register) (?:here|now|today|for free|to (?:our|the|this|receive)|for (?:our|the|your own|this|free))\b(?=.{{0,60}}$)",
    rf"^(?:not yet|already) (?:a )?(?:subscrib|regist|member)|^(?:have you|not) (?:yet )?registered|^don'?t (?:yet )?(?:get|receive|miss) (?:this|our|an|the|a)\b.{{0,40}}(?:{_PRODUCT}|issue|edition|copy)",
    r"^(?:log|sign)[ -]?(?:in|on|out)\b(?=(?:\W|to\b|or\b|for\b|here|register|subscribe).{0,60}$|$)|^you must be logged in|^please (?:log|sign)[ -]?in|^register(?: now)?(?: to .{0,60})?\W*$|^subscribers? only",
    r"^copyright\b(?=\W*(?:\(c\)|\u00a9|\d{4}|of\b|in this\b|remains|held|belongs|notice|$))|^(?:\(c\)|\u00a9) ?(?:\d{4}|copyright|[A-Z][\w ]+ \d{4})|\ball rights reserved\b|^\S*\s?(?:copyright )?\u00a9",
    r"^(?:privacy|cookie)s? (?:policy|notice|statement)|^terms (?:and|&|of) |^(?:about|contact) us\b.{0,60}$|^accessibility\b.{0,30}$",
    r"^(?:follow|like|join|find|connect with) (?:us|me) (?:on|at)\b|^(?:follow|connect)\b.{0,12}$|^(?:twitter|facebook|linkedin|instagram|youtube|bluesky|mastodon|x)(?:\W+(?:twitter|facebook|linkedin|instagram|youtube|email|x|bluesky))*\W*$|^@\w+$|^\S+ on (?:twitter|linkedin|facebook)\W*$",
    r"^our (?:mailing )?address|^add us to your (?:address book|safe)|^to (?:ensure|make sure) (?:you|delivery|that you)",
    r"^(?:to )?(?:advertise|sponsor)\b.{0,60}$|^(?:for )?advertising\b.{0,50}$|\badvertise with us\b",
    r"^(?:tel|phone|telephone|e-?mail|fax|web|website|twitter|t|e|w)\s?[:.]\s?\S+.{0,80}$|^e-?mail:? \S+@\S+",
    r"^(?:send|share) (?:us )?(?:your )?(?:tips|feedback|comments|news|stories|views|contributions)|^(?:got|have) (?:a |some )?(?:tip|feedback|story|news|comment|views|something to (?:say|share))|^(?:hit|press) reply|^reply to this|^let (?:us|me) know what",
    r"^(?:to )?(?:contact|reach) (?:us|the (?:editor|team|newsdesk))\b|^(?:comments|questions|corrections|feedback|queries)(?:,? (?:and|or) \w+)?\b.{0,50}(?:@|welcome\W*$|reply to|e-?mail (?:us|the))",
    r"^(?:to )?(?:post|leave|make|add) (?:a )?comment|^(?:have your say|comments? (?:are )?closed|comments? \(\d+\)|no comments)\W*$|^\d+ comments?\W*$",
    r"^(?:share|print|e-?mail|tweet|save)(?: (?:this|the)(?: \w+)?)?(?: (?:on|via|with|by) .{0,30})?\W*$|^share this\b.{0,50}$",
    r"^(?:back to (?:top|contents)|top of page|skip to .{0,30}|read time:? .*|\d+ min(?:ute)?s? read|next article|previous article)\W*$",
    r"^(?:_{5,}|to unsubscribe|list-unsubscribe|.{0,40} mailing list\W*$)|^https?://\S*(?:mailman|listinfo|jiscmail|lists?\.)\S*$",
    rf"^(?:today's|this|our) (?:\S+ )?(?:{_PRODUCT}|issue|edition) (?:is|was) (?:sponsored|supported|brought) ",
    r"\bplease (?:do )?(?:subscribe|share this|forward|donate|consider (?:a|becom|support|subscr))",
    r"^if you (?:need|would like|want|no longer)\b.{0,120}(?:format|language|large print|bulletin|newsletter|e-?mails?|list)\b|^cuttings are supplied",
    r"^\S+@\S+\.\S+$|^all vacancies\b|^more jobs\b",
    r"^--$|^sent from my \w+",
    r"^the post .{0,200} (?:appeared first on|first appeared) .{0,80}$",
    r"^(?:partner message|advertisement|advert|sponsored|promotion|promoted|listen|watch|podcast|webinar)\s?[.:](?=\s)",
    r"^sponsored (?:by|content|message|post|feature)\b.{15,}|\breader-supported\b|\bbecom(?:e|ing) a (?:free or )?paid subscriber",
    r"^(?:\W*\b(?:share|tweet|forward|like|print|email|e-mail|comment|restack|facebook|twitter|linkedin|rss|translate|past issues)\b\W*)+$",
    r"^you have (?:read|used|reached|\d+|one|two|three|no) .{0,40}(?:free|articles?)|^thank you for your (?:co-?operation|interest|support)",
    r"^(?:if you )?no longer (?:want|wish)|^would rather not (?:get|receive)",
)

# Small print that reads like news where news stands: looked for only above the first heading and at the end.
_SMALL_PRINT = _any(
    r"\bopt[- ]out of (?:these|this|our) ",
    r"\bregistered (?:in england|charity|company|office|number|no)\b|\bcompany (?:number|no)\b|\bcharity (?:number|no|reg)\b|\bvat (?:reg|no|number)",
    r"\b[A-Z]{1,2}\d[\dA-Z]? \d[A-Z]{2}\b(?=.{0,20}$)",
    r"^next (?:issue|edition|bulletin|newsletter|mailing|digest|meeting|briefing|update)\b.{0,120}$|\bissn\b",
    r"^[\w'& -]{2,50} (?:is|are|was) (?:written|edited|produced|compiled|published|sent|funded|prepared|a trading name|an independent (?:charity|think)|a registered)\b",
    r"^to (?:stop|come off|be taken off|be removed|leave|add|submit|change|join|receive)\b.{0,140}$|^too many e-?mails\b|\breply with stop\b",
    r"^(?:edited|compiled|produced|prepared|published|curated|put together) by\b.{0,90}$",
    r"^if you (?:can'?t|cannot|are unable to|have (?:trouble|difficulty)) (?:see|read|view)|^(?:this|the) (?:message|e-?mail) (?:may|and any|contains|is (?:confidential|intended))|^(?:any|the) views (?:expressed|are)",
    r"^(?:[\w ]+ ){0,3}is (?:a )?free\b.{0,40}(?:sign up|subscri)|^was this (?:useful|helpful)",
    r"^(?:you(?:'re| are)|you(?:'ve| have)) (?:receiv|getting|been sent|had this|subscribed|on (?:our|the|this) (?:list|mailing))",
    r"\S@\S+\.\w|\bas part of your (?:subscription|membership)|\blimited by guarantee\b",
    r"^(?:opening hours|the next (?:ordinary )?(?:issue|edition))\b|\bopening hours\b.{0,60}\d",
    r"^you (?:get|got|receive|received)\b.{0,120}\bbecause\b|^(?:any|the) views\b|^views are\b|^we (?:hope|value|respect) you",
    r"^(?:contact|cysylltwch|dilynwch|dad-danysgrifio)\b|\b(?:contact|follow) us\s?:",
    r"^(?:the|this) (?:e-?mail|message|mailing|newsletter|bulletin|digest|briefing) (?:was|is|has been|goes) (?:sent|compiled|produced|published|edited|written|prepared|issued)",
)

# Captions, credits and other lines that dress an article page.
_PAGE = _any(
    r"^\[?(?:image|photo|picture|caption|source image|graphic|chart|video|pictured?)\]?\s?(?:credits?|caption|by)?\s?[:\]].*$|^\[(?:image|photo|logo|picture|cid)\b.*\]$",
    r"^(?:photo|image|picture)s? (?:credit|by|courtesy)\b.*$|^(?:photo|image)graph?:? .{0,60}$|.{0,80}\b(?:getty images|alamy|shutterstock|istock|rex features|unsplash)\W*$",
    r"^(?:by|words:?|author:?|reported by|from our) [A-Z\u00c0-\u017e][\w'\u2019.-]+(?: (?:[A-Z\u00c0-\u017e][\w'\u2019.-]*|and|de|van|von|&|,))*(?:,? [\w ]{0,40})?(?: [|\u00b7-] .{0,40})?$",
    r"^(?:tags?|topics?|filed under|categor(?:y|ies)|keywords|more on|sections?)\s?:.{0,120}$",
    r"^(?:home|news|you are here)\s?[>\u00bb/\u203a|].{0,100}$|^.{0,40} [>\u00bb\u203a] .{0,40} [>\u00bb\u203a] .{0,60}$",
    r"^(?:(?:first )?published|posted|updated|last (?:updated|modified)|date)\b:?\s(?=.*\d).{0,60}(?<!\.)$",
    r"^(?:strictly )?(?:embargo|not for (?:publication|broadcast|release))|^(?:news|press|media) (?:release|statement)\W*$|^for immediate release\W*$|^statement\W*$|^(?:press|media) (?:office|contact|enquiries)\b.{0,120}$",
    r"^(?:comment|opinion|analysis|feature|news|exclusive|blog|viewpoint|leader|editorial|interview|long read)\W*$|^ends\W*$|^.{0,200}\b(?:photo(?:graph)?s?|pictures?|images?|illustrations?|credit)(?: credits?| by)?: ?\S.{0,60}$",
    r"^we use (?:essential |optional )?cookies|^(?:accept|reject|manage)(?: all| optional)? cookies|^this (?:web)?site uses cookies",
)

_MONTH = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_DATE = re.compile(
    rf"^(?:{_DAY}\b,? ?)?(?:(?:\d{{1,2}}(?:st|nd|rd|th)? )?{_MONTH}(?: \d{{1,2}}(?:st|nd|rd|th)?)?,?(?: \d{{4}})?|\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{2,4}})"
    rf"(?:,? \d{{1,2}}[:.]\d{{2}} ?(?:am|pm)?)?\W*$|^{_DAY}\W*$|^week (?:ending|beginning|commencing|\d+)\b.{{0,30}}$",
    re.I,
)
_ISSUE = re.compile(r"^\d+ min(?:ute)?s?(?: read)?$|^\d{1,2}[:.]\d{2} ?(?:am|pm)?(?: edition)?$|^(?:(?:issue|edition|vol(?:ume)?|no|number|bulletin)\b\.? ?(?:no\.? ?)?#?\d+|#\d+)\b.{0,60}$|.{0,60}\b(?:issue|edition|no)\.? ?\d+\W*$", re.I)

_GREETING = re.compile(
    r"^(?:dear|hi|hello|hiya|good (?:morning|afternoon|evening|day)|greetings|happy \w+day|welcome)\b.{0,60}[,!.]?$|^(?:morning|afternoon|evening)[,!] ?.{0,30}$", re.I
)
_FAREWELL = re.compile(
    r"^(?:(?:with )?(?:best|kind|warm|many)? ?(?:wishes|regards)|yours (?:sincerely|faithfully|truly)?|sincerely|cheers|many thanks|thanks(?: for reading)?|thank you for reading"
    r"|until \w+|see you|that'?s (?:all|it|everything|the lot)|have a (?:good|great|lovely|restful)|happy reading|more (?:next|tomorrow|on)\b|enjoy (?:the|your)|back (?:next|on|in)\b|ends|- ?ends ?-)\b.{0,120}$",
    re.I,
)
_SELF = re.compile(
    rf"\b(?:this|our|the|today'?s|tonight'?s|your|here'?s|welcome to|free|new)\b(?: [\w'\u2019-]+){{0,4}} {_PRODUCT}\b"
    r"|\bin this (?:week'?s |month'?s |fortnight'?s )?(?:issue|edition)\b|\b(?:this|last|the past|today'?s) (?:week|month|fortnight|edition|issue)'?s? (?:top|main|biggest|key|must|news|stories|headlines|round)"
    r"|^(?:good )?(?:morning|afternoon|evening|hello|hi|welcome)\b(?=.{0,20}[,!.]| all\b| back\b| to\b)|\bhere(?:'s| is| are) what\b"
    r"|\bhere (?:is|are|'s)\b.{0,40}\b(?:summary|selection|pick|news|stories|headlines|reads|update)\b|\b(?:your|the|our) (?:essential |regular |daily |weekly |monthly |fortnightly |at-a-glance |quick |free )+"
    r"|\bmust[- ]read (?:stories|news)|\bstories from (?:the )?(?:last|past|this)|\bcatch[- ]?up (?:on|with)\b|\bround-?up of\b|\bnews from (?:across|around)\b|\bin (?:the|your) inbox\b|\bhand-?picked\b|\bat a glance\b|\bedited by\b|\bwhat you need to know\b",
    re.I,
)
_VOICE = re.compile(r"\b(?:I|I'm|I've|we|we've|we're|our|us|you|you'll|you've|your|my)\b", re.I)

_ROUNDUP = re.compile(
    rf"\b{_PRODUCT}\b|\bround[- ]?up\b|\b(?:week|month|fortnight|day) in (?:\w+ )?(?:health|policy|review|brief|numbers|the nhs)|\bcatch[- ]?up\b|\bmust[- ]read|\b(?:daily|weekly|fortnightly|monthly)\b"
    r"|\bin brief\b|\bnews ?(?:wire|watch|scan|flash|letter|sheet|line|desk|cuttings)\b|\b(?:press )?cuttings\b|\btop stories\b|\bthis week(?:'s)? (?:in|news|stories)|\bheadlines\b|\bedition\b|\bupdate\b|\blinks?\b of the",
    re.I,
)

_SIDE_SECTION = re.compile(
    r"^(?:(?:latest |current |featured |today's |this week's |our )?(?:(?:\w+ )?(?:jobs?|vacanc(?:y|ies))|situations vacant|careers?|recruitment|opportunities|appointments board|recruitment ads)(?: (?:board|of the week|section|listings?))?"
    r"|(?:upcoming |forthcoming |future |our |latest )?(?:events?|webinars?|conferences?|training(?: courses)?|courses|diary|dates(?: for (?:your|the) diary)?|masterclass(?:es)?)(?:(?: and|,| &| /) (?:events?|webinars?|conferences?|training|diary|courses|meetings|dates))*(?: (?:diary|calendar|this (?:week|month)))?"
    r"|(?:a |an )?(?:message|word|note) from (?:our|the|this week's) sponsors?|sponsor(?:ed|s|ship)?(?: (?:by|content|message|feature|post)\b.*)?|our sponsors?|partner(?:ed)? (?:content|message)|promoted(?: content)?|promotion|advert(?:isement|s|ising|orial)?|in association with\b.*|supported by\b.*|brought to you by\b.*"
    r"|related(?: (?:articles?|stories|content|links|news|topics|reading))?|(?:most|more) (?:read|popular|viewed|commented)|more (?:from|on|like) (?:this|the|our|us)\b.*|you (?:may|might) also (?:like|be interested).*|(?:also )?recommended(?: for you| reading)?|read (?:more|next)|latest (?:news|stories)|popular (?:now|stories)|trending"
    r"|coming (?:up|soon|next)|next (?:week|month|time)|(?:dates|diary) (?:for|of) .{0,20}|what's on|(?:come and )?(?:work|train) (?:for|with) us|join (?:us|our team)|contact(?: us| details| the team)?|about (?:us|this (?:e-?mail|newsletter|bulletin)|the (?:author|editor)s?)|comments?|have your say|join the (?:debate|conversation|discussion)|get in touch|follow us|stay (?:in touch|connected)|subscribe|share this.*|feedback|editorial team|the team|house ?keeping|disclaimer|legal)\s*[:.]?$",
    re.I,
)
_CONTENTS = re.compile(
    r"^(?:(?:table of )?contents|in this (?:week's |month's )?(?:issue|edition|bulletin|newsletter|digest|e-?mail|mailing|update|round-?up)|in (?:today's|this week's|this month's) \w+|inside(?: this (?:issue|week))?|(?:this|in this) (?:week|issue|month)|today|what's in(?:side)? (?:this|the|today).{0,20}|(?:the )?headlines|at a glance|jump to|quick links|summary|on the menu|highlights)\s*(?:[:.\u2026]|\.\.\.)*$",
    re.I,
)
_SHORTS = re.compile(
    r"^(?:(?:and |also |news |other |more )*(?:in brief|briefly|in short|news in brief|at a glance|nibs|shorts|short cuts|quick (?:hits|reads|links|takes)|also (?:this week|today|in the news|noted|making news)|other news|and (?:finally|also)|elsewhere(?: .{0,30})?|also|bits and pieces|odds and ends|what else.*|the rest(?: of the news)?|round the regions|what (?:we|we're|i'm) (?:read|reading).*|(?:worth (?:a )?)?reads?|links?|further reading|in other news|people|movers(?: and shakers)?|(?:people )?on the move|comings and goings|appointments|new faces|in case you missed (?:it|them|this)|you may (?:also )?have missed|one[- ]liners?))\s*[:.\u2026]*$",
    re.I,
)
_MORE = re.compile(
    r"^\W*(?:(?:click (?:here )?(?:to |for )?)?(?:read|find out|see|view|get|continue|learn|discover)(?: on| out)?(?: the| our| this)?(?: rest| full| whole| original)?(?: \w+)?(?: more| on| reading| story| article| here| release| report| details| in full| online| about this)?(?: (?:here|online|at|on \S+(?: \S+)?|in \S+(?: \S+)?|about .{0,40}|of this .{0,20}|the (?:full )?(?:story|article|report|release)))?"
    r"|(?:the )?full (?:story|article|text|report|details|release|paper|post)(?: (?:here|at|online))?|more(?: here| details| information| info| on this| at| online| from \S+)?|details|link|story|source|web|url|continue(?: reading)?|here|article|original|via|go to (?:article|story|site)|https?)(?: subscribers? only)?\W*$",
    re.I,
)
_GENERIC_SUB = re.compile(
    r"^(?:background|introduction|overview|summary|conclusions?|analysis|context|methods?|methodology|results|findings|discussion|next steps|what (?:happens )?next|what (?:now|does this mean|it means|this means|we (?:found|know|did|don't know|do not know|heard|learned))\b.*|the (?:problem|solution|challenge|context|background|results?|evidence|future|numbers|issue|detail|response|bottom line|big picture|bigger picture)|why (?:it|this) matters|key (?:points|findings|facts|messages|figures|recommendations)|recommendations|notes? (?:to|for) editors?|further (?:information|reading)|about (?:the|this) .*|looking (?:ahead|forward|for .*)|how (?:it|this|we) .*|where (?:next|now|does|do).*|implications|lessons(?: learned)?|a way forward|the way (?:ahead|forward)|quote|reaction|ends|final (?:thoughts?|word)|references|media (?:contact|enquiries)|contact.*)\??$",
    re.I,
)
_LIST_TITLE = re.compile(
    r"\b(?:\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen) (?:\w+ ){0,3}(?:things?|lessons?|reasons?|ways?|takeaways?|take-aways|questions?|charts?|tips?|steps?|points?|myths?|facts?|priorit(?:y|ies)|ideas?|tests?|numbers?|graphs?|key \w+|challenges?|mistakes?|predictions?|principles?|insights?)\b",
    re.I,
)


_ADDRESS = re.compile(
    r"^(?:check against delivery|(?:a |the )?(?:keynote )?(?:speech|address|remarks|lecture|talk|evidence) (?:to|at|by|given|delivered|from)\b|interview(?:ed)? (?:with|by)\b|notes? (?:to|for) editors?\W*$|q ?& ?a\b|transcript\b)",
    re.I,
)


def is_mailing(block: Block) -> bool:
    """Sign-up, forwarding, unsubscribing, addresses, copyright, log-in prompts, social links."""
    text = f"{block.marker} {block.text}".strip() if block.marker == "(c)" else block.text
    return block.words <= 45 and bool(_MAILING.search(_plain(text)))


def is_small_print(block: Block) -> bool:
    """Who publishes the newsletter, where, and for whom; to be asked only of a document's head and foot."""
    return block.words <= 70 and bool(_SMALL_PRINT.search(_plain(block.text)))


def is_login(block: Block) -> bool:
    """Prompts that stand on article pages as well as in mails."""
    return bool(re.match(r"(?:already|not yet|have you|register|log|sign)\b", block.text, re.I))


def is_page_dressing(block: Block) -> bool:
    """Captions, credits, bylines, tags, breadcrumbs, cookie notices."""
    return block.words <= 40 and bool(_PAGE.search(_plain(block.text)))


def is_dateline(block: Block) -> bool:
    """A date or an issue number standing alone."""
    text = _plain(block.text)
    return block.words <= 14 and all(_DATE.match(part.strip()) or _ISSUE.match(part.strip()) for part in re.split(r" [|\u2022\u00b7\u2013/-] |, (?=no\\b)", text))


def is_greeting(block: Block) -> bool:
    return block.words <= 12 and bool(_GREETING.match(_plain(block.text)))


def is_farewell(block: Block) -> bool:
    return block.words <= 28 and bool(_FAREWELL.match(_plain(block.text)))


def is_blurb(block: Block) -> bool:
    """A paragraph in which the newsletter speaks of itself."""
    return block.words <= 120 and bool(_SELF.search(_plain(block.text)))


def speaks_to_reader(text: str) -> bool:
    """An editor's letter says I, we and you."""
    return len(_VOICE.findall(_plain(text))) >= 2


def names_roundup(text: str) -> bool:
    """A title or masthead that announces several stories."""
    return bool(_ROUNDUP.search(_plain(text)))


def is_side_section(block: Block) -> bool:
    """The heading of a section that is no news: jobs, events, sponsors, related articles."""
    return block.words <= 10 and bool(_SIDE_SECTION.match(_plain(block.text)))


def is_advert_label(block: Block) -> bool:
    """The heading of an advert, which often has a headline of its own under it."""
    return block.words <= 6 and bool(re.match(r"(?:advert|sponsor|promot|a message from|a word from|partner)", block.text, re.I))


def calls_to_buy(text: str) -> bool:
    """The words with which adverts end."""
    return bool(re.search(r"\b(?:book (?:a|your) (?:demo|place|call)|free trial|find out (?:how|more)|download|request a|call (?:us|our)|visit \S+|learn more|discover|get in touch)\b", text, re.I))


def is_contents_label(block: Block) -> bool:
    return block.words <= 8 and bool(_CONTENTS.match(_plain(block.text)))


def is_shorts_label(block: Block) -> bool:
    """The heading of a section of items without headlines of their own."""
    return block.words <= 8 and bool(_SHORTS.match(_plain(block.text)))


def is_more(text: str) -> bool:
    """The words of a link that only leads on."""
    return len(text) <= 90 and bool(_MORE.match(_plain(text)))


def is_generic_subheading(text: str) -> bool:
    """A heading that parts an article and could stand in any other."""
    return bool(_GENERIC_SUB.match(_plain(text)))


def is_person(text: str) -> bool:
    """A line that holds nothing but somebody's name."""
    return bool(re.fullmatch(r"(?:(?:Dr|Prof|Professor|Sir|Dame|Mr|Mrs|Ms|Cllr|Lord|Baroness)\.? )?(?:[A-Z][\w'\u2019-]+ ){1,3}[A-Z][\w'\u2019-]+", text.strip()))


def is_address(block: Block) -> bool:
    """A line that marks the document as a speech, an interview or a statement: one piece, whatever its headings."""
    return block.words <= 24 and bool(_ADDRESS.match(_plain(block.text)))


def announces_list(title: str) -> bool:
    """A title such as "Five things we learned", whose numbered headings make one article."""
    return bool(_LIST_TITLE.search(_plain(title)))


def _plain(text: str) -> str:
    return text.replace("\u2019", "'").replace("\u2018", "'").strip()
