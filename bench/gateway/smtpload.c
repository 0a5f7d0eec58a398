/* smtpload: SMTP clients in threads, each sending messages as fast as the answers come, for some seconds.
 *
 * usage: smtpload HOST PORT SESSIONS SECONDS SIZE kept|fresh plain|tls SENDER RUN CERTIFICATE KEY RECIPIENT...
 * One line on stdout: messages sent, messages refused or lost, seconds, and milliseconds from the final dot to 250:
 * median and 99th percentile. Commands are pipelined as Postfix's own client does (RFC 2920); every message has a
 * Message-ID of its own. A server that says 421 is left and called again.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1 << 20, BUFFER = 65536 };

static struct sockaddr_in server;
static SSL_CTX *context;
static int kept, tls, recipients;
static size_t size;
static const char *sender, *run;
static char **recipient;
static double deadline;
static char *content; /* a MIME part of SIZE octets, the same for all */

struct client {
    int number, fd;
    SSL *ssl;
    long sent, failed;
    double *waits;
    char input[BUFFER];
    size_t have;
    char *message;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static int put(struct client *c, const char *data, size_t length) {
    while (length) {
        int part = length > BUFFER * 4 ? BUFFER * 4 : (int)length;
        int done = c->ssl ? SSL_write(c->ssl, data, part) : (int)send(c->fd, data, part, MSG_NOSIGNAL);
        if (done <= 0) return 0;
        data += done, length -= done;
    }
    return 1;
}

/* Read one whole reply and return its code; 0 when the connection is lost. */
static int reply(struct client *c) {
    for (;;) {
        char *end;
        while ((end = memchr(c->input, '\n', c->have)) != NULL) {
            int code = c->have > 3 ? atoi(c->input) : 0, last = c->input[3] != '-';
            size_t line = end - c->input + 1;
            memmove(c->input, c->input + line, c->have - line);
            c->have -= line;
            if (last) return code;
        }
        if (c->have == BUFFER) return 0;
        int got = c->ssl ? SSL_read(c->ssl, c->input + c->have, (int)(BUFFER - c->have))
                         : (int)recv(c->fd, c->input + c->have, BUFFER - c->have, 0);
        if (got <= 0) return 0;
        c->have += got;
    }
}

static int say(struct client *c, const char *text) { return put(c, text, strlen(text)) ? reply(c) : 0; }

static void leave(struct client *c, int politely) {
    if (politely && c->fd >= 0) say(c, "QUIT\r\n");
    if (c->ssl) SSL_free(c->ssl);
    if (c->fd >= 0) close(c->fd);
    c->ssl = NULL, c->fd = -1, c->have = 0;
}

static int arrive(struct client *c) {
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) || reply(c) != 220) return 0;
    if (say(c, "EHLO load.example\r\n") != 250) return 0;
    if (!tls) return 1;
    if (say(c, "STARTTLS\r\n") != 220) return 0;
    c->ssl = SSL_new(context);
    SSL_set_fd(c->ssl, c->fd);
    return SSL_connect(c->ssl) == 1 && say(c, "EHLO load.example\r\n") == 250;
}

static int send_one(struct client *c) {
    char head[1024], commands[1024];
    const char *to = recipient[(c->sent + c->number) % recipients];
    int length = snprintf(commands, sizeof commands,
                          "MAIL FROM:<%s> BODY=8BITMIME\r\nRCPT TO:<%s>\r\nDATA\r\n", sender, to);
    if (!put(c, commands, length) || reply(c) != 250 || reply(c) != 250 || reply(c) != 354) return 0;
    length = snprintf(head, sizeof head,
                      "From: <%s>\r\nTo: <%s>\r\nMessage-ID: <%s.%d.%ld@load.example>\r\nSubject: load %ld\r\n", sender,
                      to, run, c->number, c->sent, c->sent);
    memcpy(c->message, head, length);
    memcpy(c->message + length, content, size);
    double start = now();
    if (!put(c, c->message, length + size)) return 0;
    start = size > 100000 ? now() : start; /* from the final dot: a short message leaves in one write */
    if (reply(c) != 250) return 0;
    if (c->sent < MOST) c->waits[c->sent] = now() - start;
    return 1;
}

static void *work(void *argument) {
    struct client *c = argument;
    while (now() < deadline) {
        if (c->fd < 0 && !arrive(c)) {
            leave(c, 0), c->failed++;
            usleep(1000);
            continue;
        }
        if (send_one(c)) c->sent++;
        else {
            leave(c, 0), c->failed++;
            continue;
        }
        if (!kept) leave(c, 1);
    }
    leave(c, 1);
    return NULL;
}

static int by_length(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void compose(size_t wanted) {
    static const char word[] = "\xd8\xa5\xd9\x84\xd9\x89 \xd9\x88\xd8\xb2\xd8\xa7\xd8\xb1\xd8\xa9 ";
    static const char base64[] = "JVBERi0xLjcKJb/3ov4KMSAwIG9iago8PCAvVHlwZSAvQ2F0YWxvZyAvUGFnZXMgMiAwIFIg";
    char *at = content = malloc(wanted + 4096);
    time_t today = time(NULL);
    at += strftime(at, 64, "Date: %a, %d %b %Y %H:%M:%S +0000\r\n", gmtime(&today));
    at += sprintf(at, "MIME-Version: 1.0\r\n"
                      "Content-Type: multipart/mixed; boundary=\"part\"\r\n\r\n--part\r\n"
                      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
    for (int line = 0; line < 40; line++, at += sprintf(at, "\r\n"))
        for (int times = 0; times < 4; times++) at += sprintf(at, "%s", word);
    at += sprintf(at, "--part\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\n"
                      "Content-Transfer-Encoding: base64\r\n\r\n");
    while ((size_t)(at - content) < wanted) at += sprintf(at, "%s\r\n", base64);
    at += sprintf(at, "--part--\r\n.\r\n");
    size = at - content;
}

int main(int argc, char **argv) {
    if (argc < 13) return fprintf(stderr, "usage: see the head of smtpload.c\n"), 2;
    int sessions = atoi(argv[3]);
    server.sin_family = AF_INET;
    server.sin_port = htons(atoi(argv[2]));
    inet_pton(AF_INET, argv[1], &server.sin_addr);
    compose(atol(argv[5]));
    kept = !strcmp(argv[6], "kept"), tls = !strcmp(argv[7], "tls");
    sender = argv[8], run = argv[9];
    recipient = argv + 12, recipients = argc - 12;
    signal(SIGPIPE, SIG_IGN);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (tls && (SSL_CTX_use_certificate_chain_file(context, argv[10]) != 1 ||
                SSL_CTX_use_PrivateKey_file(context, argv[11], SSL_FILETYPE_PEM) != 1))
        return ERR_print_errors_fp(stderr), 1;
    struct client *all = calloc(sessions, sizeof *all);
    pthread_t *threads = calloc(sessions, sizeof *threads);
    double start = now();
    deadline = start + atof(argv[4]);
    for (int n = 0; n < sessions; n++) {
        all[n].number = n, all[n].fd = -1;
        all[n].waits = malloc(sizeof(double) * MOST);
        all[n].message = malloc(size + 1024);
        pthread_create(threads + n, NULL, work, all + n);
    }
    long sent = 0, failed = 0;
    for (int n = 0; n < sessions; n++) {
        pthread_join(threads[n], NULL);
        sent += all[n].sent, failed += all[n].failed;
    }
    double seconds = now() - start, *waits = malloc(sizeof(double) * (sent + 1));
    long count = 0;
    for (int n = 0; n < sessions; n++)
        for (long m = 0; m < all[n].sent && m < MOST; m++) waits[count++] = all[n].waits[m];
    qsort(waits, count, sizeof *waits, by_length);
    printf("%ld %ld %.3f %.2f %.2f\n", sent, failed, seconds, count ? waits[count / 2] * 1e3 : 0,
           count ? waits[(long)(count * 0.99)] * 1e3 : 0);
    return 0;
}
