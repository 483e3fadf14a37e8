#include "lines.h"

#include <stddef.h>
#include <util/atomic.h>

#include "board.h"
#include "serial.h"

#define EARLY (44u * TICKS_PER_US) /* the interrupt comes so much before an edge, and waits for it */
#define STAY (58u * TICKS_PER_US)  /* it also waits for the next edge if that comes so soon: leaving takes its time, too */
#define STEP (9u * TICKS_PER_US)   /* what the interrupt does besides edges takes about as long, step by step */
#define BACKLOG (80u * TICKS_PER_US) /* when an edge's next one has not been planned by then, planning is as urgent */
#define SOON 4u                    /* ticks in which an alarm can be set */
#define LEAD 100u                  /* us from a command to the first edge of its train, for what has to be prepared */
#define PART 0x4000u               /* ticks: long phases are cut, so that 16 bits tell which of two edges comes first */

/* The time from an edge to the next: ticks, fewer than one and a half PARTs, and then so many PARTs. */
struct phase {
    uint16_t ticks, parts;
};

struct line {
    struct line *before, *after; /* those with a train whose edges come before and after its own */
    volatile uint8_t *port;
    uint8_t mask, others; /* its pin, and all the others of its port */
    volatile bool on;
    volatile uint8_t switched; /* counts how often it went on or off, to see a gap between two looks */
    bool armed;
    uint8_t seen;
    uint32_t since, fed; /* us */
    uint8_t level;
    /* The train. Its next edge, or the end of a part of a long phase, where nothing changes: */
    uint16_t at, parts; /* ticks; parts that follow */
    uint8_t bits;       /* what its pin gets */
    volatile bool running, ended;
    struct phase width, gap, pause;
    uint32_t left, burst, left_in_burst; /* pulses */
    uint32_t end;                        /* us */
    uint16_t number, edges; /* edges: a second */
    struct line_settings settings;
};

static struct line lines[LINES];
static uint8_t count;

/* Lines with a running train, the one whose edge comes next first. Only touched with interrupts off. */
static struct line *queue, *rear;

static inline void drive(struct line *line, bool on) {
    if (on == line->settings.active_high) *line->port |= line->mask;
    else *line->port &= line->others;
    line->on = on;
    line->switched++;
}

/* Looks for its place from the rear, as most of what is planned comes late; false if it passed so many and is not there. */
__attribute__((noinline)) static bool enqueue(struct line *line, uint8_t most) {
    struct line *before = rear, *after = NULL;
    const uint16_t at = line->at;
    while (before && (int16_t)(at - before->at) < 0) {
        if (!most--) return false;
        after = before;
        before = before->before;
    }
    line->before = before;
    line->after = after;
    if (before) before->after = line;
    else queue = line;
    if (after) after->before = line;
    else rear = line;
    return true;
}

static void dequeue(const struct line *line) {
    if (line->before) line->before->after = line->after;
    else queue = line->after;
    if (line->after) line->after->before = line->before;
    else rear = line->before;
}

/* After an edge: when the next one comes; false if the train is over. */
__attribute__((noinline)) static bool advance(struct line *line) {
    uint16_t parts = line->parts;
    if (parts) {
        line->parts = --parts;
        line->at += PART;
    } else {
        const struct phase *phase = &line->width;
        line->switched++;
        if (line->on) {
            line->on = false;
            if (line->left && !--line->left) {
                line->running = false;
                line->ended = true;
                return false;
            }
            phase = &line->gap;
            if (line->burst && !--line->left_in_burst) {
                line->left_in_burst = line->burst;
                phase = &line->pause;
            }
        } else line->on = true;
        line->at += phase->ticks;
        line->parts = parts = phase->parts;
    }
    if (!parts) line->bits ^= line->mask;
    return true;
}

static void set_alarm(void) {
    edge_interrupt_off();
    if (!queue) return;
    uint16_t alarm = (uint16_t)(queue->at - EARLY);
    EDGE_COUNT = alarm;
    edge_interrupt_on();
    if ((int16_t)(alarm - CLOCK_COUNT) <= 0) EDGE_COUNT = (uint16_t)(CLOCK_COUNT + SOON); /* it has passed meanwhile */
}

/* Edges first: those that are due together are made in one go, each with nothing but its write. What comes after them is
   worked out in steps, and a step is begun only if it is over before the next edge; else that edge is waited for. That
   holds up planning where edges are less than two steps apart, and a pin's next edge may come after 200 us: so after a
   while the steps no longer wait. Edges that follow one another closely are made without leaving; what the serial port
   receives meanwhile would be lost, so it is taken here, too. */
ISR(EDGE_vect) {
    struct line *made = NULL, *last = NULL, *planned = NULL; /* edges made, the oldest first, and the one being planned */
    for (;;) {
        struct line *line = queue;
        if (line) {
            int16_t wait = (int16_t)(line->at - CLOCK_COUNT);
            bool hurry = made && (int16_t)(CLOCK_COUNT - made->at) > (int16_t)BACKLOG;
            if (wait <= (hurry ? 0 : (int16_t)STEP)) {
                while ((int16_t)(line->at - CLOCK_COUNT) > 0) {
                }
                if (made) last->after = line;
                else made = line;
                do {
                    *line->port = (*line->port & line->others) | line->bits;
                    last = line;
                    line = line->after;
                } while (line && (int16_t)(line->at - CLOCK_COUNT) <= 0);
                last->after = NULL;
                queue = line;
                if (line) line->before = NULL;
                else rear = NULL;
                continue;
            }
            if (wait > (int16_t)STAY && !made && !planned) break;
        } else if (!made && !planned) break;
        if (serial_has_arrived()) serial_take();
        else if (planned) {
            enqueue(planned, LINES);
            planned = NULL;
        } else if (made) {
            planned = made; /* the oldest: its next edge may be the next of all */
            made = made->after;
            if (!advance(planned) || enqueue(planned, 1)) planned = NULL; /* else its place is for another step */
        }
    }
    set_alarm();
}

void lines_begin(void) { pwm_start(); }

static void stop(struct line *line) { /* interrupts are off */
    if (line->running) {
        line->running = false;
        dequeue(line);
    }
    line->ended = false;
    if (line->level) {
        pwm_off(line->settings.pin);
        line->level = 0;
    }
    drive(line, false);
}

void lines_forget(void) {
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        for (uint8_t i = 0; i < count; i++) stop(&lines[i]);
        count = 0;
        queue = rear = NULL;
        edge_interrupt_off();
        release_all_pins();
    }
}

bool line_add(const struct line_settings *settings) {
    uint8_t other;
    if (count == LINES || line_find(settings->pin, &other)) return false;
    struct line *line = &lines[count];
    uint8_t port = port_of(settings->pin);
    const uint8_t mask = mask_of(settings->pin);
    *line = (struct line){.port = out_register(port), .mask = mask, .others = (uint8_t)~mask, .settings = *settings};
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        drive(line, false); /* the level first, then the driver: the pin is never on in between */
        *direction_register(port) |= line->mask;
        count++;
    }
    return true;
}

uint8_t line_count(void) { return count; }

bool line_find(uint8_t pin, uint8_t *line) {
    for (uint8_t i = 0; i < count; i++)
        if (lines[i].settings.pin == pin) {
            *line = i;
            return true;
        }
    return false;
}

uint32_t line_arm(uint8_t line) {
    lines[line].armed = true;
    return lines[line].fed = clock_us();
}

uint32_t line_disarm(uint8_t line) {
    lines[line].armed = false;
    return line_off(line);
}

uint32_t line_on(uint8_t line) {
    struct instant now;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        struct line *l = &lines[line];
        bool steady = l->on && !l->running && !l->level;
        if (!steady) { /* what is on stays on, and its limit runs on */
            bool was_on = l->on;
            uint8_t switched = l->switched;
            if (l->running) {
                l->running = false;
                dequeue(l);
            }
            l->ended = false;
            drive(l, true);
            if (l->level) pwm_off(l->settings.pin);
            l->level = 0;
            if (was_on) l->switched = switched;
        }
        now = clock_read();
    }
    return clock_us_of(now);
}

uint32_t line_off(uint8_t line) {
    struct instant now;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        stop(&lines[line]);
        now = clock_read();
    }
    return clock_us_of(now);
}

uint32_t line_level(uint8_t line, uint8_t level) {
    if (level == 0) return line_off(line);
    if (level == 255) return line_on(line);
    struct instant now;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        struct line *l = &lines[line];
        uint8_t switched = l->switched;
        bool was_on = l->on;
        if (l->running) stop(l);
        drive(l, false); /* where the pin is when the timer lets go of it */
        pwm_set(l->settings.pin, level, l->settings.active_high);
        l->level = level;
        l->on = true;
        l->switched = was_on ? switched : (uint8_t)(switched + 1);
        now = clock_read();
    }
    return clock_us_of(now);
}

static uint16_t edges_of(const struct train *train) {
    if (train->count == 1 && train->burst <= 1) return 0; /* over before it could keep the chip busy */
    return (uint16_t)(2000000u / (train->burst == 1 ? train->interval : train->period));
}

/* us from the first edge to the last one; modulo 2^32, like the clock */
static uint32_t length_of(const struct train *train) {
    uint32_t gaps = train->count - 1;
    if (!train->burst) return gaps * train->period + train->width;
    return gaps / train->burst * train->interval + gaps % train->burst * train->period + train->width;
}

bool line_takes(uint8_t line, const struct train *train) {
    uint16_t edges = edges_of(train);
    if (!edges) return true;
    for (uint8_t i = 0; i < count; i++)
        if (i != line && lines[i].running) edges = (uint16_t)(edges + lines[i].edges);
    return edges <= MOST_EDGES;
}

static struct phase phase_of(uint32_t us) {
    uint32_t ticks = us * TICKS_PER_US;
    uint16_t parts = ticks < PART / 2 ? 0 : (uint16_t)((ticks - PART / 2) / PART);
    return (struct phase){(uint16_t)(ticks - parts * (uint32_t)PART), parts};
}

uint32_t line_train(uint8_t line, const struct train *train, uint16_t number) {
    struct line *l = &lines[line];
    struct instant now;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { stop(l); }
    l->width = phase_of(train->width);
    l->gap = phase_of(train->period - train->width);
    l->burst = l->left_in_burst = train->burst;
    if (train->burst) {
        uint32_t within = (train->burst - 1) * train->period + train->width; /* from the first edge of a burst to its last */
        l->pause = phase_of(train->interval - within);
    }
    l->left = train->count;
    l->number = number;
    l->edges = edges_of(train);
    const uint32_t ahead = train->delay + LEAD;
    const struct phase delay = phase_of(ahead);
    l->parts = delay.parts;
    l->bits = (delay.parts == 0) == l->settings.active_high ? l->mask : 0;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        now = clock_read();
        l->at = (uint16_t)(now.count + delay.ticks);
        l->running = true;
        enqueue(l, LINES);
        if (queue == l) set_alarm();
    }
    const uint32_t start = clock_us_of(now) + ahead;
    l->end = start + length_of(train);
    return start;
}

void line_feed(uint8_t line) { lines[line].fed = clock_us(); }

bool line_is_armed(uint8_t line) { return lines[line].armed; }

const struct line_settings *line_settings(uint8_t line) { return &lines[line].settings; }

static void lose(struct line *line) {
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { stop(line); }
    line->armed = false;
}

enum loss line_check(uint8_t line) {
    struct line *l = &lines[line];
    uint32_t now = clock_us();
    bool on = false;
    uint8_t switched = 0;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        on = l->on;
        switched = l->switched;
    }
    if (!on || switched != l->seen) {
        l->seen = switched;
        l->since = now;
    }
    if (l->armed && l->settings.watchdog && now - l->fed > l->settings.watchdog) {
        lose(l);
        return LOST_HOST;
    }
    if (on && now - l->since > l->settings.max_on) {
        lose(l);
        return LOST_TIME;
    }
    return LOST_NOTHING;
}

bool line_train_ended(uint8_t line, uint16_t *number, uint32_t *us) {
    struct line *l = &lines[line];
    if (!l->ended) return false;
    l->ended = false;
    *number = l->number;
    *us = l->end;
    return true;
}
