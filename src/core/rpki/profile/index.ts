/** The profile checks over contents: usable before anything is signed. Each returns every fault found, none when there is none. */
export {
  type CertificatePurpose,
  type CertificateValues,
  checkCertificateContent,
  type SiaValues,
} from '../x509/certificate-profile.js'
export { checkCrlContent } from './crl.js'
export { checkManifestContent, type ManifestPlace } from './manifest.js'
export { checkRoaContent } from './roa.js'
