//! Keys for the tests alone: made with OpenSSL for this file, thrown away, and known to everybody. The lines
//! that mark a PEM are put around them when they are used, so that those who search for lost keys are not
//! called.

/// `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`
pub(super) const RSA_PKCS8: &str = "\
    MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDYoxfcIU9UBHPOW2LQ0mz7DweIgHzhRBvLLzO46PA3qfeN\
    s2p9k00GaeKhEXfHuwKybMEUHazcd6O/8OqeRIAu1BEpgVNw+QmbfK3gdfV0AalYJsDvtH+voPK82A1aSloyB0GNKaDW3L0o\
    qQUM4J8Zf16oOwTQCxBeW+wpUvD1rotPQ9m92faW76KS30C5YWfp0m3S+itSo7QfMJWk62Wg5YM1H06vC2716zE9oqM9fr1V\
    wPuY3ZbGXjKKo1PEewob80C0Gr7fti7BlXwIrPxj4tJUMDfj9VkZphSpfkTC0/33NRVqkIItraRwNF5T7hnefFyVS5dUZOfi\
    F1cEI+ATAgMBAAECggEAU0aKbves/16Ax8PwXdZtxyp1Wl8N4igkyPu5layRXsxq2WEtH92GP99nG0RUN4ZnWIAezmVD5DHn\
    U+q/vZwWbCnf+QT6NtS8gTUxv7WIZ5IV70liZCKN7MzhUn94zosDVfTdGW71oXKUEjO6ucME1a/VCrU5OeHu5l7OjuoPr1i2\
    liAzBVBWa9KC6fEOdDHGZ0/V8tEILt45Ws5f7LvAJe9ahuSYCeVmB5jNPJWip7haB9gsyeTxncjPxvVsgiNWmzq2q5fLatkT\
    mbeHlRXhAAmeB9Yj34IQpbd2E7e1b3LtMTQGGHZQQWFSkJzhq254jnuRcrat1A85OiM9lqAIUQKBgQDzIcsyKg0ZXHUyyHax\
    LlpxxXVPGeL04Qj5PpXL0qd8wQBrc4DCvzlQebX9nH+2LX73uQU9soJp1myemD2m3dMgsCjazBgTNo4Xf5c0hwgBTiQ8UqMJ\
    3A7ftBD7yXPfdVXnxGhgsAo4WEyXP0sxS4a2OcFRzKY94o73pniReZSaUQKBgQDkGlGORkHhJOfSC45FpO1bowMpEjrTFUkr\
    Y1QFAeRCHkm9gyn4v7xqEYA+Kxf9UqExpRrEoZwJtEOweSZwauhZnxLgt9gVIM+zCNUDtL5EeAm2C+osSBKIs99fHIPwXBDd\
    4sDYG130Rk+cA+J4qy2yLIqNChN+AmLZOmQV0L2XIwKBgQDsy6wQln4dhjwrEqzvEftKtYr0WH0ADTBlODxCwE8ZpQvYmyz7\
    /6w9odzLPaHw98yiTpQ5K+PyWsF9kT7yhzd6rbeMqZyFEexAHKdSpHT6eHW4Pq/GCYp+++xSnjj5mVjqmxMhoDLD/9PQtvdv\
    8mQolIWhOpVqzn552quw294MkQKBgE36QU8l7XeOKkG/+Y8NZqcg/v+XX8yxRiYy+pILp4CC4iqLIFoNEdggy3p1OOo8ySYz\
    jwcRSEp4+Xrmr6FWqr+YhdeUgaYXZWmK52cw7qpxbsBxKkihCtT4yK+3C9OrZYi077/w+xl6v9RR76XYvvJeD69PdoJpRmmE\
    cJqUlXuJAoGBAM0zdOIcUskhVoD5qhrkaTGZ5cXlpBpNzECqxZ3UqCPuKUT3469/px/OFiyqHuBrabd/3Pvs6RotnAnvKasm\
    ukjjKhhpSP8C7hu8u+P0ixOl2IuNGCpVHPb0RkW6rEfrpfwdCEbo+Nid0KPHWn6WLst/MxJso2zFByPO/d3a+r14";

/// The same by `openssl pkey -traditional`.
pub(super) const RSA_PKCS1: &str = "\
    MIIEpAIBAAKCAQEA2KMX3CFPVARzzlti0NJs+w8HiIB84UQbyy8zuOjwN6n3jbNqfZNNBmnioRF3x7sCsmzBFB2s3Hejv/Dq\
    nkSALtQRKYFTcPkJm3yt4HX1dAGpWCbA77R/r6DyvNgNWkpaMgdBjSmg1ty9KKkFDOCfGX9eqDsE0AsQXlvsKVLw9a6LT0PZ\
    vdn2lu+ikt9AuWFn6dJt0vorUqO0HzCVpOtloOWDNR9Orwtu9esxPaKjPX69VcD7mN2Wxl4yiqNTxHsKG/NAtBq+37YuwZV8\
    CKz8Y+LSVDA34/VZGaYUqX5EwtP99zUVapCCLa2kcDReU+4Z3nxclUuXVGTn4hdXBCPgEwIDAQABAoIBAFNGim73rP9egMfD\
    8F3WbccqdVpfDeIoJMj7uZWskV7MatlhLR/dhj/fZxtEVDeGZ1iAHs5lQ+Qx51Pqv72cFmwp3/kE+jbUvIE1Mb+1iGeSFe9J\
    YmQijezM4VJ/eM6LA1X03Rlu9aFylBIzurnDBNWv1Qq1OTnh7uZezo7qD69YtpYgMwVQVmvSgunxDnQxxmdP1fLRCC7eOVrO\
    X+y7wCXvWobkmAnlZgeYzTyVoqe4WgfYLMnk8Z3Iz8b1bIIjVps6tquXy2rZE5m3h5UV4QAJngfWI9+CEKW3dhO3tW9y7TE0\
    Bhh2UEFhUpCc4atueI57kXK2rdQPOTojPZagCFECgYEA8yHLMioNGVx1Msh2sS5accV1Txni9OEI+T6Vy9KnfMEAa3OAwr85\
    UHm1/Zx/ti1+97kFPbKCadZsnpg9pt3TILAo2swYEzaOF3+XNIcIAU4kPFKjCdwO37QQ+8lz33VV58RoYLAKOFhMlz9LMUuG\
    tjnBUcymPeKO96Z4kXmUmlECgYEA5BpRjkZB4STn0guORaTtW6MDKRI60xVJK2NUBQHkQh5JvYMp+L+8ahGAPisX/VKhMaUa\
    xKGcCbRDsHkmcGroWZ8S4LfYFSDPswjVA7S+RHgJtgvqLEgSiLPfXxyD8FwQ3eLA2Btd9EZPnAPieKstsiyKjQoTfgJi2Tpk\
    FdC9lyMCgYEA7MusEJZ+HYY8KxKs7xH7SrWK9Fh9AA0wZTg8QsBPGaUL2Jss+/+sPaHcyz2h8PfMok6UOSvj8lrBfZE+8oc3\
    eq23jKmchRHsQBynUqR0+nh1uD6vxgmKfvvsUp44+ZlY6psTIaAyw//T0Lb3b/JkKJSFoTqVas5+edqrsNveDJECgYBN+kFP\
    Je13jipBv/mPDWanIP7/l1/MsUYmMvqSC6eAguIqiyBaDRHYIMt6dTjqPMkmM48HEUhKePl65q+hVqq/mIXXlIGmF2Vpiudn\
    MO6qcW7AcSpIoQrU+MivtwvTq2WItO+/8PsZer/UUe+l2L7yXg+vT3aCaUZphHCalJV7iQKBgQDNM3TiHFLJIVaA+aoa5Gkx\
    meXF5aQaTcxAqsWd1Kgj7ilE9+Ovf6cfzhYsqh7ga2m3f9z77OkaLZwJ7ymrJrpI4yoYaUj/Au4bvLvj9IsTpdiLjRgqVRz2\
    9EZFuqxH66X8HQhG6PjYndCjx1p+li7LfzMSbKNsxQcjzv3d2vq9eA==";

/// PKCS#8, 1024 bits.
pub(super) const RSA_1024: &str = "\
    MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAN82wh4bALbxcca7DBE0ZhDAwN25T3nbJbkD9Tq9BoOamaKK\
    qZ7rg5NfKkasKbuXvBg1msoySHIJja9hguO0DIStkVQChOUzKIvBqozpi+7AysyxBSBcivAdiXuki4uLxJ8JCIUNL7+kBI9f\
    75YtBA5SH/aJ8+XmtDIIlmN5Ff/5AgMBAAECgYAmRbhQ+yZLN+jfP1EZXhemBbbMDasP5MB6EbCpiqGkTQzMruPYiN89lJKm\
    HXzmWmT47bAFvUtoqjSt/pU3v7Zpc3OgAbRwGmdheRk0fv44l9o68KC/39dTTfp+45XGkQKNoCvf12Fo1qAUQYTWc6FPIAvi\
    pDh0F4IFocLfJ7IadQJBAO9T+nU8zYMc0XVx/QMAB8EPIjdfr3z3eHWHWA9JeLHCtBIKDxPDrqdPo/NE4yX/Z6kcWNlhdp8p\
    N3I5CF1jCgsCQQDuw2kmY3U70wyZBqf/0WtWVL36zcazt2QgEsuqecWaZdMeU7AESIte4C9kWWoL4Ev1Gvl5u94o5g7BF43a\
    ciSLAkEAkf7Nu7UCvWfYEugdazYahNghjFwPppEkZ7XPr0unl/DpflOqjOkDY0c/AYjVdHmQl+YWAU3mWgN/sms+QhHHrwJA\
    R41YHaEAqQT+aX2NKyTfPef3Zwnz2jfDUblQP65ugW6ybgw2W5JB8hTNHw2MsjJtkO6chNbAJRGMqmEcqbI7MQJBAIg+WDDU\
    fHRrszMik+kQHYsmJDo8AjvbePIGvxFZFoA4Xt886PKAAMpueLTRa0UG8YvXe3Y+fDu6SOOkjlPBsic=";

/// PKCS#8, `-pkeyopt rsa_keygen_pubexp:3`.
pub(super) const RSA_EXPONENT_3: &str = "\
    MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCqUv9AVmBj9p/TqiGgNj9gE4mR+itFNvdVzaM+eU9DIUMi\
    PmS/x57Y0lR1t+EDWndoNG8I73qOGiQbo4eL48qaYuQJ5l5JKkSVZrudkboxRnpdoTzZIB5DVjTf/JD6vqH0iCWJCE8Uobjv\
    zrxuV275L8au5QXV9Oa50LKS4s5ad08hqIT+EzUT5UU+NJHLD/YxQqkbqUScU4spahroIpD/sEOQN/CCMsLwGs/tUs+RGO3x\
    /+gJnxlnSliLTM3xtXnUlSDK8ITFRElGrm0/upTAI5V1Lg65mqFbQLzS8Mn9oFGIFF16CsAd9RjEVGC57E4UlTUc3IErmuPA\
    zj0sBt17AgEDAoIBAHGMqirkQEKkao0cFmrO1Oq3sQv8HNjPT46JF377iizA12wpmH/aaeXhjaPP61eRpPAi9LCfpwlmwr0X\
    r7KX3GbsmAaZlDDG2GOZ0mkL0XYu/D5rfeYVaYI5eJVTC1HUa/haw7CwNLhr0J/fKEmPn1DKhHSYro6jRHvgdwyXNDxOc4z+\
    oqthYCPb5sFDlDvcNiAvpNX440Zyjer4mGbYCGeGSiiwyVoNYoSlP6EK1jZD/dnUTWGRiSyj/pon4RXGHP6jlOuAyUKh68di\
    r/UDBdqhVPxXeFMvG4pOCkrONjYNviOc19Ku9MR7J0R5h8+In7Z7XwWlsg6UXB69hJl9VOsCgYEA1wMnXC2QYbtfLEoLKsyV\
    tMHTf06Evtf8BJQM412Vw8hH7zl8FRzYbaG2vpsLkajv5xNCSqfcfLO6obMpgdfiHWODOYU8/fql093yO0cfzDF5OubtwN2B\
    /CyFulxJWpmUE3NvXLw2pxsTo05pYv+8jB41LzxYtYVJ5Wf9tGEDeSsCgYEAyssDNM9wwyK8PtJECKSv8D8nsowvMNqrsbTo\
    UvBIwJwe5RmyrV5GQYdsMeC2/JbDChf/KU9oTvCZuPDnenkqMPMch+RyWOark72oKgkWP8a4WxO9GV9R+99F8wZyHhL3oN85\
    vQHNqdwouo80sgLi0mSm91gLQJBydCq0QeTHZPECgYEAj1dvkskK69I/ctwHcd25IyviVN8DKeVSrbgIl5O5LTAv9ND9Y2iQ\
    SRZ51GddC8X1RLeBhxqS/c0nFndxATqWvkJXe64oqVHD4pP20i9qiCD7fJnz1ekBUshZJugw5xENYkz06H15xLy3wjRGQf/T\
    CBQjdNLlzljb7kVTzZYCUMcCgYEAhzICIzT112x9fzbYBcMf9X9vzF10yzxydnia4fWF1b1p7hEhyOmEK6+ddpXPUw8ssWVU\
    xjTwNKBme0tE/FDGy0y9r+2hkJnHt9PFcVtkKoR652J+EOo2p+ouogRMFAylFeomfgEzxpLF0bTNzAHsjEMZ+jqyKwr2+Bx4\
    K+3aQ0sCgYBz7me5GAeRiaQOsgFCpPRnLwnwm3/YYIWdfv9h/V4sUfYMKUd+mBuxhUtR2jCVz6SitZmkykqVJoXffE4lCp0I\
    8/DFmJseoywNoTNkbQDIi+X4N2xnymGHzBB9dcmSnzI/FfDZ+rS84uEEPtGwJN32YZFwcO43xgpQ8swITzsKow==";

/// PKCS#8, `-algorithm RSA-PSS`.
pub(super) const RSA_PSS: &str = "\
    MIIEugIBADALBgkqhkiG9w0BAQoEggSmMIIEogIBAAKCAQEAii3a8DS35RP24oTFC/0r61zxNc/sMcNolQTUHDnE61N5N7VU\
    s2yiUeyzLgVf6JfE8sLJ5oHw5Gy9N263KbH7+J+vfTMqJ5AC/2h1KbwvhP1NUz0B5KD0FfDA4JzF1cFJ/7fiZKk2yF4xMxsi\
    kdKl5tcyBZyLmgo2RGUlJwjdRMutzFV77rXYEeRtboSBLZzM0n8htrIg6M89FWc8H7oomEPsImuUcS7yvmhmKeaim2TTDwLh\
    Qy8s7Y0iMZJGSJlFBSHnEFtwvzIi/1cV/BNMU6WTz3G4prYKrWIbymZbh6/KeD1y3HzfAOLmb5jV4UuoKGwgThtrWYMQGBxH\
    qJhC+wIDAQABAoIBACp2pQ2kZc70L6609okUqGaQDWBoIUG5t230Kerypd1brai9BOaOv+NFRlsiM7Ma0N95lOpNjGXmNM/Q\
    KmGZ3MEu8ZMcIhw+WW18AGVu+3t3DEhEO0yzWc9USTG9e96Qo9j9/YjJp5gzuhLmh90gSvOBtlGbJhuUf9DM9Hnmc3ksWwcd\
    A4j56UKXo/3Ofat92QoxIrWru3nO8O4WF5WFVV2sfnD5ybqYmRT9pG1PCo997yR26hkPedt05BHFpmgCgtux2JQ1C3lj7TjA\
    WoOMLmAGFIjbEPuFPcvlJJN7DDni1Mn+d/yQ4hC1yQoYAzfM7rHPblTVxEbJeQg/gXp1r2ECgYEAvRzGSFN6l8jT2LXkto3s\
    einLvW3AREfuqhuhcDdibv1EU+9a5vbEjP1ZiObJijKVMCl7b352mVrRLPwTFjX15upcs0woYxlQlOzdDJ6kP4DNzaZM9Cvw\
    5LVADMzaJQUBHaNRFNkVTgTKxuK/ofsyO2r5RX6RarOk1gC+Oufe0ocCgYEAuw1QuzutURvAUO14ceAqSoX/V2K+FoUv9TGC\
    nDiDG/NXgKPVnP/0Fl3GmMnbdRDlNilUNjr2381SkGbyPuXvPcpgegHAQFwDITTTySZv49c1rQ6orz6k5XwJPZtFVwnwiPnl\
    emWFyP6jae/HFec3ShSRgwzoGc8HkMIyWlDgxO0CgYBW3Vu6pxWdmLKuTUaEEAa6Sm56UWpKMtxOqKhr2hTNtGnpP/16L4ky\
    1cCFoLScVQWv/K3lFaq2YD/KsPK3dgvAiJASD35RnrQj4/TZMhlxzeE6gBPC6FgbRaHo/0OIU5cinPzGXbxqfMsDte2eIrr9\
    DfL3195Fq8SgQ/EdL5prCwKBgEUJ9Bs3OpAuOvxjucnmIBXjgUxCoMB1Ji9Mt9VrMlEVrt1HGyfYfMHomM1566s4sjEcbf2a\
    I9aU1P2BUbYPbg8TbCp8DPZ0P594/RZIPpIMs74NJAuShpBBCLQZZC1s+L/F5IIZiJiYC76lBok6DvkjwFVrZRtpg3RViPo2\
    0c89AoGAHscFnJgQGBJ4JR5AM2/Grg4B1y6tJlTJKTRg5Rff2Bh6Par1hYqMRWMTlHAFuJFdAkEcZiyBIzg6JJl9vUjWda8J\
    sFiXHeizQegGvrxnVJATVx2PU9ury0DLzLaKg9R0ahypCt4KBHhWrtrmhSIvGqGqUt0NYetio8FFLLuhiag=";

/// `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`
pub(super) const P256_PKCS8: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgONZztz/7183mzVdjyjM4qFkse2ZuPGFYKm1kS9gFVYqhRANC\
    AAROR2H1vLgi63CdNBWxjibPtZhxeF8pIkYmSacrn9TmntdI2IQ0kLShCFZbZSDybws/0LpSlwGVlEb200kR3/Ar";

/// The same by `openssl pkey -traditional`.
pub(super) const P256_SEC1: &str = "\
    MHcCAQEEIDjWc7c/+9fN5s1XY8ozOKhZLHtmbjxhWCptZEvYBVWKoAoGCCqGSM49AwEHoUQDQgAETkdh9by4IutwnTQVsY4m\
    z7WYcXhfKSJGJkmnK5/U5p7XSNiENJC0oQhWW2Ug8m8LP9C6UpcBlZRG9tNJEd/wKw==";

/// The same by `openssl ec -no_public`.
pub(super) const P256_WITHOUT_PUBLIC: &str = "\
    MDECAQEEIDjWc7c/+9fN5s1XY8ozOKhZLHtmbjxhWCptZEvYBVWKoAoGCCqGSM49AwEH";

/// The same by `openssl ec -conv_form compressed`.
pub(super) const P256_COMPRESSED: &str = "\
    MFcCAQEEIDjWc7c/+9fN5s1XY8ozOKhZLHtmbjxhWCptZEvYBVWKoAoGCCqGSM49AwEHoSQDIgADTkdh9by4IutwnTQVsY4m\
    z7WYcXhfKSJGJkmnK5/U5p4=";

/// The same by `openssl pkey -pubout`.
pub(super) const P256_PUBLIC: &str = "\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETkdh9by4IutwnTQVsY4mz7WYcXhfKSJGJkmnK5/U5p7XSNiENJC0oQhWW2Ug\
    8m8LP9C6UpcBlZRG9tNJEd/wKw==";

/// The same kind on P-384.
pub(super) const P384_PKCS8: &str = "\
    MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBqHHNb0PvMaUwc1jYYKOMnoCG6HrPKgle8MQ0QAN9jB79yR14C\
    ccbQHMuMMUy8/sahZANiAAS7mFcWucB4yne/SC2hc4rCxQaBAWXcL1Ni4gfas1Wn/vbwwdZwAfmiV97LJl3iTuFgFXWhDGE5\
    X/QV4OJ5hESwXdwXWSpo8Ts9czcOoE57MeAhwnPFTITIoD2nX3z82Rs=";

/// The same by `openssl pkey -traditional`.
pub(super) const P384_SEC1: &str = "\
    MIGkAgEBBDBqHHNb0PvMaUwc1jYYKOMnoCG6HrPKgle8MQ0QAN9jB79yR14CccbQHMuMMUy8/sagBwYFK4EEACKhZANiAAS7\
    mFcWucB4yne/SC2hc4rCxQaBAWXcL1Ni4gfas1Wn/vbwwdZwAfmiV97LJl3iTuFgFXWhDGE5X/QV4OJ5hESwXdwXWSpo8Ts9\
    czcOoE57MeAhwnPFTITIoD2nX3z82Rs=";

/// The same kind on P-521.
pub(super) const P521_PKCS8: &str = "\
    MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIBCX2ZSQsO9a1HNWPxPFMO+JYfelkC7SpWTOGqJvyoPjoHWsf/\
    ufrd942KkzcReZJff12xeZZOTYAGR96EB857JcyhgYkDgYYABAGunCvT/Pg20L/XZCL5g72t0jgIDGZPzJp+ClF7q+NISW5b\
    cqmBSpbGQzEpT8Wu5yCWaJroF2+HVu27Stbm3MQhFQGWCbz5B7CTXxGdAH3645ILhGxtdJ10YFQpElGFDqsna0stBh1UrXSG\
    fc+gfUHpxMfYoiWZQn59VS4/cLoSxlWHbg==";

/// The same kind on secp256k1.
pub(super) const SECP256K1_PKCS8: &str = "\
    MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQg46re+oDDdZMjYK8lZJbX+tNEvgnrIUbXDeXnYFziiIuhRANCAAQf\
    7ubvTc+jJX8/a61V+KciYDJYxh31YFKqnro4DwH+LTCHKl3qYmupKvqnT28zdf/n9wVptDQ36V+9D67/EWnQ";

/// `openssl genpkey -algorithm ed25519`
pub(super) const ED25519_PKCS8: &str = "\
    MC4CAQAwBQYDK2VwBCIEIHfK4rGk4eD0awHVabHHgwH2Mf9AYXEvHExYx115j8fB";

/// `openssl genpkey -algorithm ed448`
pub(super) const ED448_PKCS8: &str = "\
    MEcCAQAwBQYDK2VxBDsEOWH4cUqxtSrRpsOl4Ds2gIUtllnd4p6nRbpn9yjx52IHzzMD7bjtUm+aVAfowJlQUtyZxTf+LUhM\
    4w==";

/// `openssl genpkey -algorithm x25519`
pub(super) const X25519_PKCS8: &str = "\
    MC4CAQAwBQYDK2VuBCIEIJDeJuXnbX8raDXtgWazv+YYQTBrSFRJIL4inscHIHN7";

/// A PEM with this body.
pub(super) fn pem(label: &str, body: &str) -> String {
    let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
