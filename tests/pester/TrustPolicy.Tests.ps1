Describe 'Allowlist and policy' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $relayHome, $asking, $asked = 'relay', 'asking', 'asked' | ForEach-Object { Get-TestHome "policy-$_" }
        $relay = Open-TestRelay $relayHome
        $null = Initialize-WireIdentity -Handle agent-one -Relay $relay -WireHome $asking
        $null = Initialize-WireIdentity -Handle agent-two -Relay $relay -WireHome $asked
        $null = Register-WireHandle -WireHome $asked
        $null = Register-WireHandle -WireHome $asking

        function Invoke-BothTick {
            foreach ($i in 1..2) { foreach ($each in $asking, $asked) { $null = Invoke-WireTick -WireHome $each } }
        }
    }

    AfterAll {
        Close-TestHome $asking, $asked, $relayHome
    }

    It 'decides nothing until it is set' {
        (Get-WireTrustPolicy -WireHome $asked).AutoApprove | Should -BeFalse
        Get-WireTrustedAgent -WireHome $asked | Should -BeNullOrEmpty
        $null = Request-WireTrust agent-two 'First.' -WireHome $asking -WarningAction Ignore
        Invoke-BothTick
        (Get-WireTrustRequest -WireHome $asked).Status | Should -Be 'Pending'
        Test-WireTrust agent-one -WireHome $asked | Should -BeFalse
    }

    It 'says what a policy would do, and does nothing' {
        $before = Get-Snapshot $asked
        $preview = Set-WireTrustPolicy -AutoApprove $true -WhatIf -WireHome $asked
        $preview.Handle, $preview.Verdict, $preview.Reason | Should -Be 'agent-one', 'Granted', 'policy:auto_approve'
        $preview.Fingerprint | Should -Be (Get-WireIdentity -WireHome $asking).Fingerprint
        Get-Snapshot $asked | Should -Be $before
    }

    It 'keeps the key that a directory names' {
        $agent = Add-WireTrustedAgent bench -Address agent-one -WireHome $asked
        $agent.Fingerprint | Should -Be (Get-WireIdentity -WireHome $asking).Fingerprint
        (Get-WireTrustedAgent b* -WireHome $asked).PublicKey | Should -Be $agent.PublicKey
        (Get-WireTrustPolicy -WireHome $asked).TrustedAgents | Should -Be 1
        $other = Get-ErrorOf { Add-WireTrustedAgent twice $agent.PublicKey -WireHome $asked }
        $other.FullyQualifiedErrorId | Should -BeLike 'WireTrustedAgentExists,*'
    }

    It 'lets an agent of the allowlist in when it asks' {
        (Request-WireTrust agent-two 'Again.' -WireHome $asking -WarningAction Ignore).Id | Should -Be (Get-WireTrustRequest -WireHome $asking).Id
        $request = Request-WireTrust agent-two 'Again.' -Again -WireHome $asking -WarningAction Ignore
        Invoke-BothTick
        $peer = Get-WirePeer agent-one -WireHome $asked
        $peer.Tier, $peer.ApprovedBy | Should -Be 'OrgVerified', 'policy:trusted_agent'
        Test-WireTrust agent-one -WireHome $asked | Should -BeTrue
        Test-WireTrust agent-one -Fingerprint $peer.Fingerprint.Replace(' ', '') -WireHome $asked | Should -BeTrue
        Test-WireTrust agent-one -Fingerprint ('0' * 32) -WireHome $asked | Should -BeFalse
        ($request | Wait-WireTrust -Timeout 1m -WarningAction Ignore).Did | Should -Be $request.PeerDid
    }

    It 'takes an agent out again' {
        Get-WireTrustedAgent -WireHome $asked | Remove-WireTrustedAgent
        Get-WireTrustedAgent -WireHome $asked | Should -BeNullOrEmpty
        (Get-ErrorOf { Remove-WireTrustedAgent bench -WireHome $asked }).FullyQualifiedErrorId | Should -BeLike 'WireTrustedAgentNotFound,*'
    }

    It 'grants nothing by a file that it does not understand' {
        Set-WireTrustPolicy -AutoApprove $true -WireHome $asked
        Set-Content "$asked/config/wire/trust-policy.json" '{"version":1,"auto_approve":true,"except":["x"]}'
        (Get-ErrorOf { Get-WireTrustPolicy -WireHome $asked }).FullyQualifiedErrorId | Should -BeLike 'WireFileCorrupt,*'
    }

    It 'stops waiting when the time is over' {
        (Get-ErrorOf { Wait-WireTrust nobody -Timeout 0.2 -WireHome $asking -WarningAction Ignore }).FullyQualifiedErrorId | Should -BeLike 'WireWaitTimeout,*'
    }
}

Describe 'Trust of another program' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $wireHome = Get-TestHome 'import'
        $null = New-Item -ItemType Directory $wireHome
        $null = Initialize-WireIdentity -Handle importer -WireHome $wireHome
        $file = "$wireHome/foreign.json"
        Set-Content $file '{"trusted":[{"node_id":7,"public_key":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=","approved_at":"2026-01-02T03:04:05+02:00","mutual":true,"note":"kept"},{"node_id":8,"public_key":"","approved_at":"2026-01-02T03:04:05Z","mutual":false}]}'
    }

    AfterAll {
        Close-TestHome $wireHome
    }

    It 'shows what an import would do, and does nothing' {
        $before = Get-Snapshot $wireHome
        (Import-WireTrust $file -WireHome $wireHome -WhatIf -WarningAction Ignore).Outcome | Should -Be 'Imported', 'Unbound'
        Get-Snapshot $wireHome | Should -Be $before
    }

    It 'trusts what has a key, below what people compare' {
        $done = Import-WireTrust $file -WireHome $wireHome -WarningVariable warnings -WarningAction SilentlyContinue
        $done.Outcome | Should -Be 'Imported', 'Unbound'
        $warnings | Should -BeLike '*trusted.note*'
        $peer = Get-WirePeer -WireHome $wireHome
        $peer.Handle, $peer.Tier, $peer.KeySource, $peer.Ceremony | Should -Be 'node-7', 'OrgVerified', 'imported', 'handshake'
        (Import-WireTrust $file -WireHome $wireHome -WarningAction Ignore).Outcome | Should -Be 'Known', 'Unbound'
    }

    It 'writes it out again and loses nothing' {
        $out = Export-WireTrust $file -WireHome $wireHome -PassThru
        $written = Get-Content $out.FullName -Raw | ConvertFrom-Json -DateKind String
        $written.trusted.node_id | Should -Be 7, 8
        $written.trusted[0].note | Should -Be 'kept'
        $written.trusted[0].approved_at | Should -Be '2026-01-02T01:04:05Z'
    }

    It 'refuses what is no such file' {
        Set-Content "$wireHome/other.json" '[]'
        (Get-ErrorOf { Import-WireTrust "$wireHome/other.json" -WireHome $wireHome }).FullyQualifiedErrorId | Should -BeLike 'WireFileCorrupt,*'
        (Get-ErrorOf { Import-WireTrust "$wireHome/none.json" -WireHome $wireHome }).FullyQualifiedErrorId | Should -BeLike 'WireFileUnreadable,*'
    }

    It 'refuses a key that is none' {
        (Get-ErrorOf { Add-WireTrustedAgent bench 'AAAA' -WireHome $wireHome }).FullyQualifiedErrorId | Should -BeLike 'WireInvalidKey,*'
    }
}
