/* ATmega328P at 16 MHz: Arduino Uno, Nano, Pro Mini. All that is known about the chip is in this file.

   Timer 1 is the clock (so pins 9 and 10 have no PWM); timers 0 and 2 make the PWM of pins 3, 5, 6 and 11. */
#ifndef BOARDS_ATMEGA328P_H
#define BOARDS_ATMEGA328P_H

#include <avr/interrupt.h>
#include <avr/io.h>
#include <stdbool.h>
#include <stdint.h>

#define BOARD_NAME "atmega328p"
#define BOARD_PINS "pins 2-19 pwm 3,5,6,11 analog 14-21"
#define FIRST_PIN 2u   /* 0 and 1 are the serial port */
#define LAST_PIN 19u   /* A5 */
#define FIRST_ANALOG 14u
#define LAST_ANALOG 21u /* 20 and 21 (A6, A7 of a Nano) are analog only */
#define PORTS 3u

/* Ports: pins 0-7 are D, 8-13 are B, 14-19 are C. */
static inline uint8_t port_of(uint8_t pin) { return pin < 8 ? 0 : pin < 14 ? 1 : 2; }
static inline uint8_t mask_of(uint8_t pin) { return (uint8_t)(1u << (pin < 8 ? pin : pin < 14 ? pin - 8 : pin - 14)); }
static inline volatile uint8_t *out_register(uint8_t port) { return port == 0 ? &PORTD : port == 1 ? &PORTB : &PORTC; }
static inline volatile uint8_t *direction_register(uint8_t port) { return port == 0 ? &DDRD : port == 1 ? &DDRB : &DDRC; }
static inline void read_ports(uint8_t levels[PORTS]) { levels[0] = PIND; levels[1] = PINB; levels[2] = PINC; }

/* Every pin an input without a pull-up: nothing is driven, so that pull resistors in the wiring hold everything off. */
static inline void release_all_pins(void) {
    DDRD = 0; DDRB = 0; DDRC = 0;
    PORTD = 0; PORTB = 0; PORTC = 0;
}

/* The clock: a 16-bit timer that counts half microseconds. */
#if F_CPU != 16000000UL
#error "the clock's divider fits 16 MHz; another frequency needs another one here"
#endif
#define CLOCK_vect TIMER1_OVF_vect
#define EDGE_vect TIMER1_COMPA_vect
#define SAMPLE_vect TIMER1_COMPB_vect
#define CLOCK_COUNT TCNT1
#define EDGE_COUNT OCR1A
#define SAMPLE_COUNT OCR1B
static inline bool clock_has_overflown(void) { return TIFR1 & _BV(TOV1); }
static inline void clock_start(void) { TCCR1A = 0; TCNT1 = 0; TIMSK1 = _BV(TOIE1); TCCR1B = _BV(CS11); }
static inline void edge_interrupt_on(void) { TIMSK1 |= _BV(OCIE1A); } /* an old match still set costs one look for nothing */
static inline void edge_interrupt_off(void) { TIMSK1 &= (uint8_t)~_BV(OCIE1A); }
static inline void sample_interrupt_on(void) { TIMSK1 |= _BV(OCIE1B); }

/* The serial port: 115200 baud, 8N1. */
#define RECEIVED_vect USART_RX_vect
#define SENDABLE_vect USART_UDRE_vect
#define SERIAL_DATA UDR0
static inline void serial_start(void) {
    UCSR0A = _BV(U2X0);
    UBRR0 = 16;
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
}
static inline bool serial_has_arrived(void) { return UCSR0A & _BV(RXC0); }
static inline bool serial_is_broken(void) { return UCSR0A & (_BV(FE0) | _BV(DOR0)); } /* of the byte to be read next */
static inline void sendable_on(void) { UCSR0B |= _BV(UDRIE0); }
static inline void sendable_off(void) { UCSR0B &= (uint8_t)~_BV(UDRIE0); }

/* PWM at 976 Hz. A level of 0 or 255 is never asked of it: the pin itself does that. */
static inline bool has_pwm(uint8_t pin) { return pin == 3 || pin == 5 || pin == 6 || pin == 11; }
static inline void pwm_start(void) {
    TCCR0A = _BV(WGM01) | _BV(WGM00);
    TCCR0B = _BV(CS01) | _BV(CS00);
    TCCR2A = _BV(WGM21) | _BV(WGM20);
    TCCR2B = _BV(CS22);
}
static inline void pwm_off(uint8_t pin) {
    switch (pin) {
    case 3: TCCR2A &= (uint8_t)~(_BV(COM2B1) | _BV(COM2B0)); break;
    case 5: TCCR0A &= (uint8_t)~(_BV(COM0B1) | _BV(COM0B0)); break;
    case 6: TCCR0A &= (uint8_t)~(_BV(COM0A1) | _BV(COM0A0)); break;
    case 11: TCCR2A &= (uint8_t)~(_BV(COM2A1) | _BV(COM2A0)); break;
    default: break;
    }
}
static inline void pwm_set(uint8_t pin, uint8_t level, bool active_high) {
    uint8_t inverted = active_high ? 0 : 1; /* a second bit turns the output round; the count n gives n + 1 steps */
    uint8_t count = (uint8_t)(level - 1);
    switch (pin) {
    case 3: OCR2B = count; TCCR2A |= (uint8_t)(_BV(COM2B1) | (inverted << COM2B0)); break;
    case 5: OCR0B = count; TCCR0A |= (uint8_t)(_BV(COM0B1) | (inverted << COM0B0)); break;
    case 6: OCR0A = count; TCCR0A |= (uint8_t)(_BV(COM0A1) | (inverted << COM0A0)); break;
    case 11: OCR2A = count; TCCR2A |= (uint8_t)(_BV(COM2A1) | (inverted << COM2A0)); break;
    default: break;
    }
}

/* The analog inputs, in 52 us a conversion, 0 to 1023 of the supply. */
static inline void analog_start(void) { ADCSRA = _BV(ADEN) | _BV(ADPS2) | _BV(ADPS1); }
static inline void analog_choose(uint8_t pin) { ADMUX = (uint8_t)(_BV(REFS0) | (pin - FIRST_ANALOG)); ADCSRA |= _BV(ADSC); }
static inline bool analog_is_ready(void) { return !(ADCSRA & _BV(ADSC)); }
static inline uint16_t analog_read(void) { return ADC; }

#endif
