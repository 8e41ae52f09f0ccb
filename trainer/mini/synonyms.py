"""Words that may stand for one another in a vignette.

Role: plain data for :mod:`trainer.mini.rewording`.  Every line is one group; any member may
replace any other where it occurs as whole words, so members share grammar and meaning.  General
medical English only, written without looking at the held-out vignettes.
"""

from __future__ import annotations

_GROUPS = """
doctor|GP|physician|doc|medic
nurse|practice nurse|triage nurse
tummy|belly|stomach|abdomen|gut
abdominal|belly|stomach|tummy
abdominal pain|stomach ache|tummy pain|belly ache|pain in the abdomen|pain in the belly|stomach pain
breastbone|sternum|middle of the chest|centre of the chest
chest pain|pain in the chest|chest discomfort|sore chest
shoulder blades|scapulae
shoulder blade|scapula
breathlessness|shortness of breath|dyspnoea|difficulty breathing|trouble breathing|being out of breath
breathless|short of breath|out of breath|winded|puffed|gasping
palpitations|a fluttering heart|a pounding heart|a racing heart|heart flutters
heartbeat|pulse|heart rhythm
heart rate|pulse|pulse rate
fever|temperature|pyrexia|high temperature
feverish|hot|febrile|burning up
shivering|shivery|shaking with cold|trembling
rigors|shaking chills|shivering attacks|violent shivers|teeth-chattering chills
sweating|perspiration|diaphoresis|sweats
sweaty|clammy|drenched in sweat|damp with sweat
vomiting|being sick|throwing up|emesis|bringing food up
vomited|was sick|threw up|brought up food
throwing up|being sick|vomiting|puking|chucking up
nausea|queasiness|feeling sick
nauseous|queasy|sick to the stomach
diarrhoea|loose stools|watery stools|the runs|loose motions
stools|bowel motions|faeces|poo
constipated|bunged up|not opening bowels
urine|wee|pee|water
urinating|passing urine|peeing|weeing|passing water
dysuria|burning on passing urine|pain on urination|stinging when peeing
haematuria|blood in the urine|bloody urine
headache|head pain|sore head|pain in the head
photophobia|dislike of light|sensitivity to light|light hurting the eyes
neck stiffness|a stiff neck|stiffness of the neck|nuchal rigidity
dizzy|light-headed|woozy|giddy|faint
dizziness|light-headedness|giddiness|feeling faint
syncope|a faint|a blackout|fainting|passing out|collapse
fainted|passed out|blacked out|collapsed|lost consciousness
confused|muddled|disorientated|not making sense|mixed up
confusion|muddled thinking|disorientation
drowsy|sleepy|hard to wake|sluggish
tired|exhausted|worn out|fatigued|shattered|drained|washed out
tiredness|fatigue|exhaustion|lack of energy|weariness
weakness|loss of power|loss of strength
weak|feeble|lacking strength
numb|without feeling|dead
numbness|loss of feeling|loss of sensation
tingling|pins and needles|prickling
swollen|puffy|enlarged
swelling|puffiness
legs|lower limbs
ankles|feet and ankles
rash|skin eruption|spots|eruption
itchy|itching|pruritic
itch|itching|pruritus
itching|pruritus|itchiness
blisters|vesicles|fluid-filled spots
blotches|patches|marks
red|reddened|erythematous
scaly|flaky
mole|pigmented spot|naevus|dark spot
joint|articulation
painful|sore|hurting|tender
sore|painful|aching
agony|terrible pain|awful pain|excruciating pain
severe|intense|very bad|awful|terrible
mild|slight|minor
sharp|stabbing|knife-like
crushing|squeezing|pressing|vice-like
dull|heavy|nagging
burning|scalding|like fire
cramping|crampy|colicky|griping
throbbing|pounding|pulsating|pulsing
ache|pain|soreness
pain|discomfort|ache|hurting
unbearable|intolerable|impossible to bear
suddenly|all of a sudden|abruptly|out of nowhere|out of the blue|in an instant
sudden|abrupt|instantaneous
gradually|slowly|bit by bit|little by little
gradual|slow|progressive
worse|more severe|more intense
getting worse|worsening|deteriorating|going downhill|increasing
started|began|came on|set in
starting|beginning|coming on
begins|starts|comes on
cough|coughing
coughing up|bringing up|hacking up
phlegm|sputum|mucus|gunk
wheezing|wheezy|whistling
wheeze|whistling chest
bluish|blue|dusky
pale|white|pallid|ashen|washed-out
thirsty|parched|dry-mouthed
thirst|craving for fluids
weight loss|loss of weight
lost weight|dropped weight|shed weight
appetite|desire to eat|interest in food
off food|not eating|not interested in food
sleeping|getting to sleep
insomnia|poor sleep|sleeplessness|trouble sleeping
anxious|nervous|on edge|worried
anxiety|nervousness|worry
low mood|sadness|feeling down|depressed mood
sad|low|down|miserable
hopeless|without hope
tearful|weepy|crying a lot
agitated|restless|worked up|unsettled
restless|fidgety|unable to keep still
trembling|shaking|shaky|tremulous
tremor|shaking|shake
voices|people talking
irritable|cranky|short-tempered|grumpy
crying|screaming|wailing
baby|infant|little one
feeds|bottles|milk
feeding|taking milk
child|kid|youngster
mother|mum|mom
father|dad
husband|partner|spouse
wife|partner|spouse
floppy|limp
lethargic|listless|sluggish
dehydrated|dried out
nappy|diaper
nappies|diapers
throat|back of the throat
sore throat|painful throat|throat pain
runny nose|streaming nose|snotty nose|nasal discharge
a cold|a head cold|the sniffles|a chest cold
flu|a flu-like illness
glands|lymph nodes|nodes
swollen glands|enlarged lymph nodes|lumps in the neck
lump|mass|swelling
jaundiced|yellow
tender|sore to touch|painful to touch
tenderness|soreness
examination|exam|checking over
on examination|on exam|clinically|when examined
hospital|the infirmary
ambulance|paramedics
operation|surgery|procedure
medication|medicine|tablets|meds
tablets|pills|medicines
painkillers|analgesia|pain relief|analgesics
antibiotics|a course of antibiotics
high blood pressure|hypertension|raised blood pressure
hypertension|high blood pressure
diabetes|sugar diabetes|diabetes mellitus
smoker|cigarette smoker|tobacco user
smoking|cigarettes|tobacco
alcohol|drink|booze
drinking|boozing|alcohol intake
whisky|vodka|spirits
beer|lager
low blood pressure|hypotension
blood pressure|BP
respiratory rate|breathing rate|RR
oxygen saturation|sats|SpO2|saturations
blood sugar|blood glucose|glucose|sugar level
ECG|EKG|electrocardiogram|heart tracing
X-ray|radiograph|film
scan|imaging
bilateral|on both sides|both-sided
unilateral|one-sided|on one side
left-sided|on the left|left
right-sided|on the right|right
lying flat|lying down|lying on the back|supine
lying down|lying flat
sitting up|sitting upright|propped up
leaning forward|bending forward|sitting forward
walking|moving about|getting about
climbing stairs|going upstairs|walking up stairs
stairs|steps|a flight of stairs
exercise|exertion|effort
on exertion|with exercise|with effort|when exerting
deep breath|deep breath in|full breath
breathing in|taking a breath|inspiration
at night|overnight|during the night|in the night
in the morning|on waking|first thing
this morning|since this morning|today
yesterday|the day before
last night|yesterday evening
every day|daily|each day
constantly|all the time|non-stop|continuously
constant|continuous|unrelenting|persistent
repeatedly|again and again|over and over|time after time
repeated|recurrent|multiple
several|a number of|a few
often|frequently|a lot
never|not once
usually|normally|generally
unable to|cannot|not able to
can't|cannot
could not|couldn't|was unable to
a lot of|loads of|plenty of|lots of
very|really|extremely
awful|horrible|dreadful|terrible
unwell|ill|poorly|under the weather
looks unwell|looks ill|looks poorly
feels|is feeling
reports|says|describes|states|mentions
reports|complains of|notes
says|reports|states|tells us
denies|does not report|reports no
noticed|spotted|became aware of
noticed|saw|observed
presents with|comes in with|attends with|turns up with
developed|has got|got
woke|was woken|woke up
woken|awakened|roused
trolley|stretcher|bed
couch|bed|examination couch
toilet|loo|bathroom
holiday|vacation|trip
telly|TV|television
lorry|truck
roughly|approximately
for the past|for the last|over the past|these past
because of|due to|owing to
relieved by|eased by|better with|helped by
eases|gets better|settles|lets up
better|improved|easier
unchanged|no different|the same
big|large|huge
small|little|tiny
bulging|swollen|protruding
eyes|both eyes
eyelid|lid
face|facial
mouth|lips and mouth
drooping|droopy|sagging|hanging down
crooked|lopsided|twisted|asymmetrical
slurred|garbled|jumbled|slurring
speech|talking|words
arm|upper limb
hands|fingers and hands
foot|leg
thigh|upper leg
calf|lower leg
lower back|lumbar region|small of the back|low back
back pain|backache|pain in the back|sore back
flank|loin|side
groin|private area
ribs|rib cage
stiff|rigid|hard to move
stiffness|rigidity
limp|hobble
creaking|grinding|crunching
knee|knee joint
big toe|great toe|base of the big toe
swollen|ballooned|blown up
hot|warm
hot to touch|warm to the touch
shooting|electric|lightning-like
period|menstrual period|monthly
pregnant|expecting
bleeding|blood loss
spotting|light bleeding
fit|seizure|convulsion
bruises|bruise-like marks
seeing things|hallucinating|having visions
spending|splashing out on
talks fast|speaks quickly|talks non-stop
thoughts|ideas
suspicious|mistrustful|paranoid
people|others|folk
friend|mate|pal
friends|mates
job|work
colleague|workmate|coworker
"""  # noqa: E501

_SPELLINGS = """
haem hem|oedema edema|diarrhoea diarrhea|dyspnoea dyspnea|apnoea apnea|orthopnoea orthopnea|
oesoph esoph|anaem anem|paediatric pediatric|tumour tumor|colour color|odour odor|centre center|
fibre fiber|litre liter|metre meter|grey gray|behaviour behavior|neighbour neighbor|
labour labor|leucocyt leukocyt|ischaem ischem|orrhoea orrhea|faec fec|caec cec|
practise practice|realise realize|recognise recognize|mobilis mobiliz|localis localiz|
generalis generaliz|hospitalis hospitaliz|catheteris catheteriz|paralys paralyz|catarrh catarrh|
programme program|pyjama pajama|tyre tire|plough plow|aluminium aluminum|mum mom|
judgement judgment|ageing aging|jewellery jewelry|travell travel|anaes anes|gynaec gynec
"""

_ABBREVIATIONS = """
shortness of breath SOB|chest pain CP|abdominal pain abdo pain|abdomen abdo|history hx|
blood pressure BP|heart rate HR|respiratory rate RR|temperature temp|headache HA|
examination o/e|complains of c/o|presents with p/w|nausea and vomiting N+V|
nausea and vomiting N&V|loss of consciousness LOC|right R|left L|bilateral bilat|
with w/|without w/o|patient pt|years yrs|weeks wks|days d|hours hrs|minutes mins|
treatment tx|diagnosis dx|symptoms sx|temperature T|urine dip UA|oxygen O2|
approximately approx|regular reg|appointment appt|because bc|you u|please pls|
tomorrow tmrw|positive +ve|negative -ve|increased inc|decreased dec|possible ?|
intravenous IV|by mouth PO|weight wt|background bg|normal NAD|suddenly sudden|
swelling swelling|tender TTP|extremity ext|family history FHx|ambulance amb
"""

_CONTRACTIONS = """
I am I'm|I have I've|it is it's|cannot can't|does not doesn't|do not don't|
did not didn't|is not isn't|was not wasn't|could not couldn't|has not hasn't|have not haven't|
will not won't|would not wouldn't|there is there's|that is that's|he is he's|she is she's
"""


def _pairs(block: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for entry in block.replace("\n", "").split("|"):
        words = entry.split(" ")
        if len(words) == 2:
            pairs.append((words[0], words[1]))
        elif len(words) > 2:
            pairs.append((" ".join(words[:-1]), words[-1]))
    return tuple(pairs)


GROUPS: tuple[tuple[str, ...], ...] = tuple(
    tuple(line.split("|")) for line in _GROUPS.strip().splitlines()
)
"""Sets of interchangeable words."""

SPELLINGS = _pairs(_SPELLINGS)
"""British and American spelling, as parts of words."""

ABBREVIATIONS = _pairs(_ABBREVIATIONS)
"""Long form and shorthand."""

CONTRACTIONS = _pairs(_CONTRACTIONS)
"""Full form and contraction."""
