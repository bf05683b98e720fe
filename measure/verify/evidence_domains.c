#include "measure/verify/evidence_domains.h"

#include "base/scope.h"

static int check_image(const struct evidence_reference *reference,
    struct evidence_domain *domain, struct err *err);
static int check_debug(const struct evidence_reference *reference,
    const struct evidence_domain *domain, struct err *err);
static int check_configuration(const struct evidence_reference *reference,
    struct evidence_domain *domain, struct err *err);
static const char *asked_for_by(const struct event_build *build);

int
evidence_domains_check(const struct evidence_reference *reference,
    struct boot_history *history, struct err *err)
{
	for (size_t i = 0; i < history->domain_count; i++)
		TRY(check_image(reference, &history->domains[i], err));
	for (size_t i = 0; i < history->domain_count; i++)
		TRY(check_debug(reference, &history->domains[i], err));
	for (size_t i = 0; i < history->domain_count; i++)
		TRY(check_configuration(reference, &history->domains[i], err));
	return 0;
}

static int
check_image(const struct evidence_reference *reference,
    struct evidence_domain *domain, struct err *err)
{
	char text[DIGEST_TEXT_SIZE], uuid[UUID_TEXT_SIZE];
	char by[CALLER_TEXT_SIZE];

	domain->image =
	    digest_list_find(reference->images, &domain->build.envelope);
	if (domain->image == NULL)
		domain->image =
		    digest_list_find(reference->images, &domain->build.payload);
	if (domain->image != NULL)
		return 0;
	digest_text(&domain->build.payload, text);
	uuid_text(domain->build.uuid, uuid);
	return err_set(err, EVIDENCE_IMAGE_UNKNOWN,
	    "domain %u, uuid %s, ran image %s, of role %s%s%s",
	    domain->build.domid, uuid, text, domain->build.role,
	    asked_for_by(&domain->build), caller_text(&domain->build.by, by));
}

/* Such an image may be good for its makers' hosts, and is for no other. What
 * never was measured never ran. */
static int
check_debug(const struct evidence_reference *reference,
    const struct evidence_domain *domain, struct err *err)
{
	if (reference->allow_debug || !domain->build.is_debug ||
	    domain->fate == EVIDENCE_UNMEASURED)
		return 0;
	return err_set(err, EVIDENCE_DEBUG_IMAGE,
	    "domain %u ran the debug image %s, of role %s", domain->build.domid,
	    domain->image->name, domain->build.role);
}

static int
check_configuration(const struct evidence_reference *reference,
    struct evidence_domain *domain, struct err *err)
{
	char text[DIGEST_TEXT_SIZE], uuid[UUID_TEXT_SIZE];
	char by[CALLER_TEXT_SIZE];

	if (reference->configurations == NULL)
		return 0;
	domain->configuration =
	    digest_list_find(reference->configurations, &domain->build.config);
	if (domain->configuration != NULL || domain->fate != EVIDENCE_STARTED)
		return 0;
	digest_text(&domain->build.config, text);
	uuid_text(domain->build.uuid, uuid);
	return err_set(err, EVIDENCE_CONFIGURATION_UNKNOWN,
	    "domain %u, uuid %s, of image %s and role %s, has configuration "
	    "%s%s%s",
	    domain->build.domid, uuid, domain->image->name, domain->build.role,
	    text, asked_for_by(&domain->build),
	    caller_text(&domain->build.by, by));
}

/* Before the caller; older events have none. */
static const char *
asked_for_by(const struct event_build *build)
{
	return build->by.kind != CALLER_UNKNOWN ? ", asked for by " : "";
}
