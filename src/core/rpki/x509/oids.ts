/** Object identifiers as dotted text, by the names their RFCs give them. */

/** RFC 8017, RFC 7935 section 2: algorithms. */
export const OID_RSA_ENCRYPTION = '1.2.840.113549.1.1.1'
export const OID_SHA256_WITH_RSA = '1.2.840.113549.1.1.11'
export const OID_SHA256 = '2.16.840.1.101.3.4.2.1'

/** RFC 5280 appendix A: names. */
export const OID_COMMON_NAME = '2.5.4.3'
export const OID_SERIAL_NUMBER = '2.5.4.5'

/** RFC 5280 section 4.2 and 5.2: extensions. */
export const OID_SUBJECT_KEY_IDENTIFIER = '2.5.29.14'
export const OID_KEY_USAGE = '2.5.29.15'
export const OID_BASIC_CONSTRAINTS = '2.5.29.19'
export const OID_CRL_NUMBER = '2.5.29.20'
export const OID_CRL_DISTRIBUTION_POINTS = '2.5.29.31'
export const OID_CERTIFICATE_POLICIES = '2.5.29.32'
export const OID_AUTHORITY_KEY_IDENTIFIER = '2.5.29.35'
export const OID_EXTENDED_KEY_USAGE = '2.5.29.37'
export const OID_AUTHORITY_INFO_ACCESS = '1.3.6.1.5.5.7.1.1'
export const OID_SUBJECT_INFO_ACCESS = '1.3.6.1.5.5.7.1.11'

/** RFC 3779: resources; the version 2 forms of RFC 8360 are named to be refused. */
export const OID_IP_ADDR_BLOCKS = '1.3.6.1.5.5.7.1.7'
export const OID_AUTONOMOUS_SYS_IDS = '1.3.6.1.5.5.7.1.8'
export const OID_IP_ADDR_BLOCKS_V2 = '1.3.6.1.5.5.7.1.28'
export const OID_AUTONOMOUS_SYS_IDS_V2 = '1.3.6.1.5.5.7.1.29'

/** RFC 5280 section 4.2.2, RFC 6487 section 4.8.8, RFC 8182 section 3.2: access methods. */
export const OID_AD_CA_ISSUERS = '1.3.6.1.5.5.7.48.2'
export const OID_AD_CA_REPOSITORY = '1.3.6.1.5.5.7.48.5'
export const OID_AD_RPKI_MANIFEST = '1.3.6.1.5.5.7.48.10'
export const OID_AD_SIGNED_OBJECT = '1.3.6.1.5.5.7.48.11'
export const OID_AD_RPKI_NOTIFY = '1.3.6.1.5.5.7.48.13'

/** RFC 6484 section 1.2: the RPKI certificate policy; RFC 7318: the only qualifier it may carry. */
export const OID_RPKI_POLICY = '1.3.6.1.5.5.7.14.2'
export const OID_CPS_QUALIFIER = '1.3.6.1.5.5.7.2.1'

/** RFC 8209 section 3.1.3.2: BGPsec routers. */
export const OID_BGPSEC_ROUTER = '1.3.6.1.5.5.7.3.30'

/** RFC 5652: CMS and its signed attributes. */
export const OID_SIGNED_DATA = '1.2.840.113549.1.7.2'
export const OID_CONTENT_TYPE = '1.2.840.113549.1.9.3'
export const OID_MESSAGE_DIGEST = '1.2.840.113549.1.9.4'
export const OID_SIGNING_TIME = '1.2.840.113549.1.9.5'
export const OID_BINARY_SIGNING_TIME = '1.2.840.113549.1.9.16.2.46'

/** RFC 9582, RFC 9286: content types of signed objects. */
export const OID_CT_ROA = '1.2.840.113549.1.9.16.1.24'
export const OID_CT_MANIFEST = '1.2.840.113549.1.9.16.1.26'
export const OID_CT_ASPA = '1.2.840.113549.1.9.16.1.49'
export const OID_CT_GHOSTBUSTERS = '1.2.840.113549.1.9.16.1.35'
/** RFC 9323, RFC 9691, draft-ietf-sidrops-rpki-prefixlist. */
export const OID_CT_CHECKLIST = '1.2.840.113549.1.9.16.1.48'
export const OID_CT_TAK = '1.2.840.113549.1.9.16.1.50'
export const OID_CT_PREFIX_LIST = '1.2.840.113549.1.9.16.1.51'

/** RFC 5480 section 2.1: elliptic curve keys, of BGPsec routers. */
export const OID_EC_PUBLIC_KEY = '1.2.840.10045.2.1'
export const OID_P256 = '1.2.840.10045.3.1.7'
/** RFC 5758 section 3.2: the signature of a router's request. */
export const OID_ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
